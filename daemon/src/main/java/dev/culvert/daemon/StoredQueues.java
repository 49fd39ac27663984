// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.gateway.RunningTunnel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The queues of a gateway's interface, of which the service manager keeps copies: the interface
 * outlives a crash with its index, addresses and routes, and the next process continues it. Without
 * a manager nothing is kept.
 */
final class StoredQueues {
  private static final EventLog LOG = EventLog.of(StoredQueues.class);
  private static final String PREFIX = "tun-";

  private final ServiceManager manager;
  private final String interfaceName;

  StoredQueues(ServiceManager manager, String interfaceName) {
    this.manager = manager;
    this.interfaceName = interfaceName;
  }

  private String name() {
    return PREFIX + interfaceName;
  }

  /**
   * The queues of this interface that a process before this one left. All other descriptors are
   * closed, also at the manager, as are these if one of them is of no use.
   *
   * @return the caller's; empty if there are none, and the interface begins anew
   */
  List<Integer> take(TunnelFactory tunnels) throws IOException {
    List<Integer> queues = new ArrayList<>();
    String fault = null;
    for (StoredDescriptor stored : manager.takeStored()) {
      if (!stored.name().equals(name())) {
        LIBC.close(stored.fd());
        giveUp(stored.name(), "it is not of " + interfaceName);
        continue;
      }
      queues.add(stored.fd());
      Optional<String> reason = tunnels.queueFault(interfaceName, stored.fd());
      fault = reason.orElse(fault);
    }
    if (fault == null) {
      return queues;
    }
    queues.forEach(LIBC::close);
    giveUp(name(), fault);
    return List.of();
  }

  /** Closes the descriptors that the manager passed to this process: it inherits from another. */
  void ignore() {
    manager.takeStored().forEach(stored -> LIBC.close(stored.fd()));
  }

  private void giveUp(String name, String reason) {
    LOG.warn(
        LogEvent.INTERFACE_UNUSABLE,
        "{}: the service manager kept '{}', which cannot be used: {}",
        Field.tunnel(interfaceName),
        name,
        Field.reason(reason));
    manager.removeStored(name);
  }

  /** Lets the manager keep the queues of this tunnel, and no others. */
  void keep(RunningTunnel tunnel) {
    if (manager.listens()) {
      tunnel.keepQueues(
          queues -> {
            // Those of a process with more lanes would get packets that nobody reads.
            manager.removeStored(name());
            manager.store(name(), queues);
          });
    }
  }

  /** Lets the interface end with this process. */
  void remove() {
    manager.removeStored(name());
  }
}
