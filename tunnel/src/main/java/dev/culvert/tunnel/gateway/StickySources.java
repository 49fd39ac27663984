// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.kernel.LinkEvent;
import dev.culvert.tunnel.kernel.LinkMonitor;
import dev.culvert.tunnel.kernel.Links;
import dev.culvert.tunnel.kernel.Netlink;
import dev.culvert.tunnel.kernel.RouteLookup;
import dev.culvert.tunnel.kernel.RouteLookup.Flow;
import dev.culvert.tunnel.lane.HostAddresses;
import dev.culvert.tunnel.runtime.VitalThread;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a peer's sticky source only while the routes agree with it, as the kernel's WireGuard does:
 * the kernel is asked once about a new source, and again after links, addresses, routes or rules
 * changed. No packet waits for that. The host's own addresses are read again in the same turn if
 * they changed.
 */
final class StickySources implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(StickySources.class);

  /** The shortest pause between two rounds, since changes come in groups. */
  private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** The pause after a round is at least this many times as long as the round. */
  private static final int PAUSE = 9;

  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final String name;
  private final TunnelEngine engine;
  private final ControlLoop control;
  private final Underlay underlay;
  private final HostAddresses addresses;
  private final Netlink netlink;
  private final RouteLookup routes;
  private final Thread thread;
  private @Nullable LinkMonitor news;
  private volatile boolean doubted;
  private volatile boolean addressesDoubted;
  private volatile boolean closed;

  private StickySources(
      String name,
      TunnelEngine engine,
      ControlLoop control,
      Underlay underlay,
      HostAddresses addresses,
      Netlink netlink,
      Consumer<? super Throwable> died) {
    this.name = name;
    this.engine = engine;
    this.control = control;
    this.underlay = underlay;
    this.addresses = addresses;
    this.netlink = netlink;
    routes = new RouteLookup(netlink);
    thread = VitalThread.unstarted(name + "-routes", this::run, died);
  }

  /**
   * Starts in the network namespace of the calling thread.
   *
   * @param died called with the failure that ended this before {@link #close}
   */
  static StickySources start(
      String name,
      TunnelEngine engine,
      ControlLoop control,
      Underlay underlay,
      HostAddresses addresses,
      Consumer<? super Throwable> died)
      throws IOException {
    StickySources sources =
        new StickySources(name, engine, control, underlay, addresses, Netlink.open(), died);
    try {
      sources.news = LinkMonitor.start(true, sources::doubt, died);
      sources.readAddresses();
    } catch (IOException | RuntimeException e) {
      if (sources.news != null) {
        sources.news.close();
      }
      sources.netlink.close();
      throw e;
    }
    sources.thread.start();
    return sources;
  }

  private void doubt(LinkEvent event) {
    if (event instanceof LinkEvent.AddressesChanged || event instanceof LinkEvent.Gone) {
      addressesDoubted = true;
    }
    doubted = true;
    LockSupport.unpark(thread);
  }

  private void run() {
    while (!closed) {
      if (!doubted) {
        LockSupport.park(this);
        continue;
      }
      doubted = false;
      long start = System.nanoTime();
      if (!askAboutAll()) {
        return;
      }
      long took = System.nanoTime() - start;
      pauseUntil(System.nanoTime() + Math.max(SHORTEST_PAUSE_NANOS, PAUSE * took));
    }
  }

  private boolean askAboutAll() {
    try {
      return control.call(
          () -> {
            engine.peers().forEach(this::ask);
            if (addressesDoubted && !closed) {
              readAddresses();
            }
            return true;
          });
    } catch (ExecutionException e) {
      LOG.per(name)
          .failure(
              LogEvent.SOURCE_UNKNOWN,
              e,
              "{}: routes and addresses could not be asked about",
              Field.tunnel(name));
      return true;
    } catch (InterruptedException e) {
      return false;
    }
  }

  /**
   * Reads the host's addresses. Once the control thread exists, it makes all queries to the kernel
   * here.
   */
  private void readAddresses() throws IOException {
    addressesDoubted = false;
    try {
      addresses.set(
          new Links(netlink)
              .addresses().stream()
                  .map(Links.Address::address)
                  .collect(Collectors.toUnmodifiableSet()));
    } catch (IOException e) {
      addressesDoubted = true;
      throw e;
    }
  }

  private void pauseUntil(long end) {
    for (long left = end - System.nanoTime(); left > 0 && !closed; ) {
      LockSupport.parkNanos(this, left);
      left = end - System.nanoTime();
    }
  }

  /** Reports that the peer's packets came to another source. On the control thread. */
  void heard(String peer) {
    TunnelPeer heard = engine.peer(peer);
    if (heard != null) {
      ask(heard);
    }
  }

  private void ask(TunnelPeer peer) {
    Endpoint heard = peer.heardSource();
    IpAddress source = heard == null ? null : heard.source();
    // A scope names the interface itself.
    if (closed || heard == null || source == null || heard.scope() != 0) {
      return;
    }
    boolean fits = false;
    try {
      Flow flow =
          new Flow(source, underlay.sealedPort(), heard.address(), heard.port(), underlay.mark());
      fits = routes.leavesThrough(heard.sourceInterface(), flow);
    } catch (IOException e) {
      LOG.per(name)
          .warn(
              LogEvent.SOURCE_UNKNOWN,
              "{}: no route could be asked for: {}",
              Field.tunnel(name),
              Field.reason(e.getMessage()));
    }
    peer.sourceFits(heard, fits);
  }

  @Override
  public void close() {
    closed = true;
    if (news != null) {
      news.close();
    }
    LockSupport.unpark(thread);
    VitalThread.join(thread, PATIENCE);
    netlink.close();
  }
}
