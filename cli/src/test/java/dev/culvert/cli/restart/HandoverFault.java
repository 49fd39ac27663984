// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.cli.restart.HandoverRelay.Step;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.LabException;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.PidFd;
import java.util.ArrayList;
import java.util.List;

/**
 * An accident of one of the two processes at a message.
 *
 * @param after whether the message has been passed on, rather than being under way
 */
record HandoverFault(Kind kind, Step step, boolean after) {
  /** The number of the system call is equal on all architectures. */
  private static final int PIDFD_SEND_SIGNAL = 424;

  enum Kind {
    SUCCESSOR_KILLED(9, true),
    PREDECESSOR_KILLED(9, false),
    SUCCESSOR_STOPPED(19, true);

    final int signal;
    final boolean ofSuccessor;

    Kind(int signal, boolean ofSuccessor) {
      this.signal = signal;
      this.ofSuccessor = ofSuccessor;
    }
  }

  private static final List<Step> STEPS =
      List.of(
          Step.HELLO, Step.WELCOME, Step.PREPARE, Step.PREPARED, Step.TAKE, Step.STATE, Step.TAKEN);

  /** Each step once. */
  static List<HandoverFault> someOfEachStep() {
    return List.of(
        new HandoverFault(Kind.SUCCESSOR_KILLED, Step.HELLO, true),
        new HandoverFault(Kind.PREDECESSOR_KILLED, Step.WELCOME, false),
        new HandoverFault(Kind.SUCCESSOR_KILLED, Step.PREPARE, false),
        new HandoverFault(Kind.PREDECESSOR_KILLED, Step.PREPARED, true),
        new HandoverFault(Kind.SUCCESSOR_STOPPED, Step.TAKE, false),
        new HandoverFault(Kind.PREDECESSOR_KILLED, Step.STATE, false),
        new HandoverFault(Kind.SUCCESSOR_KILLED, Step.TAKEN, false));
  }

  /** Both processes are killed at each step, and the successor is stopped when it is waited for. */
  static List<HandoverFault> all() {
    List<HandoverFault> all = new ArrayList<>();
    for (Step step : STEPS) {
      for (boolean after : List.of(false, true)) {
        all.add(new HandoverFault(Kind.SUCCESSOR_KILLED, step, after));
        all.add(new HandoverFault(Kind.PREDECESSOR_KILLED, step, after));
        if (step == Step.TAKE || step == Step.STATE) {
          all.add(new HandoverFault(Kind.SUCCESSOR_STOPPED, step, after));
        }
      }
    }
    return all;
  }

  /**
   * Lets it happen: within microseconds, since the processes do not wait.
   *
   * @throws LabException if the process cannot be signalled
   */
  void happenTo(Daemon process) {
    try (PidFd victim = PidFd.of(process.pid())) {
      if (LIBC.syscall(PIDFD_SEND_SIGNAL, victim.fd(), kind.signal, 0, 0) < 0) {
        throw new ErrnoException("signal a process", Errno.last());
      }
    } catch (ErrnoException e) {
      throw new LabException(this + ": " + e.getMessage(), e);
    }
  }

  @Override
  public String toString() {
    return "%-18s %-6s %-8s".formatted(kind, after ? "after" : "at", step);
  }
}
