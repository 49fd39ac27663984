// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.daemon.steer.FormerSettings;
import dev.culvert.daemon.steer.RunState;
import java.io.IOException;
import java.nio.file.Path;

/** The one gateway that guards a network namespace, as {@link RunState} notes it. */
final class Guarded {
  private Guarded() {}

  /**
   * Refuses if the gateway runs, since only one process keeps the guard of a gateway.
   *
   * @throws dev.culvert.daemon.socket.OtherUserException if another user may run it
   */
  static void refuseRunning(Machine machine, String name) throws IOException {
    if (machine.adminClient().isRunning(name)) {
      throw new AlreadyRunsException(name, true);
    }
    if (LocalServer.isLive(machine.uapiSocket(name))) {
      throw new AlreadyRunsException(name, false);
    }
  }

  /**
   * Notes that {@code name} is going to guard this network namespace.
   *
   * @param continued whether its interface is there already, and this process continues it
   * @return the place for recording the kernel's settings before they change
   * @throws IOException if another gateway guards it, nft cannot guard here, or the interface
   *     belongs to another program
   */
  static FormerSettings claim(Machine machine, String name, Path file, boolean continued)
      throws IOException {
    RunState state = machine.runState();
    // First: if this gateway's own note is another user's, then no other gateway is the reason.
    boolean anew = !state.exists(name) || state.isElsewhere(name);
    refuseOther(machine, name);
    if (!continued) {
      refuseStranger(machine, name);
    }
    String fault = machine.network().guardFault().orElse(null);
    if (fault != null) {
      throw new IOException("no guard can be had: " + fault);
    }
    FormerSettings former = state.settings(name);
    if (anew) {
      former.forget();
    }
    state.write(name, file);
    return former;
  }

  /**
   * Refuses an interface that another program made: rules and guard let all packets go into the
   * interface of the tunnel's name.
   */
  private static void refuseStranger(Machine machine, String name) throws IOException {
    String reason = machine.network().stranger(name).orElse(null);
    if (reason != null) {
      throw new IOException(
          "there is an interface "
              + name
              + " already, and "
              + reason
              + "; delete it, or choose another name in spec.interface.name");
    }
  }

  private static void refuseOther(Machine machine, String name) throws IOException {
    boolean guarded = machine.network().guarded();
    String other = machine.runState().guardedByOther(name).orElse(null);
    while (other != null) {
      if (guarded || machine.adminClient().isRunning(other)) {
        throw new IOException(
            other
                + " guards this network namespace already; end it with 'culvert down "
                + other
                + "', or set spec.interface.routes to false here");
      }
      // The kernel reuses namespace inode numbers. This state file belongs to a namespace that no
      // longer exists; delete it, or the next start would take our guard for that gateway's.
      machine.runState().delete(other);
      other = machine.runState().guardedByOther(name).orElse(null);
    }
  }
}
