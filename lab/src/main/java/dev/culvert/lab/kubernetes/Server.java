// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** One program of a control plane, which can be ended and started again. */
public final class Server {
  private final String name;
  private final Place place;
  private final List<String> command;
  private @Nullable Daemon running;
  private boolean closed;

  Server(String name, Place place, List<String> command) {
    this.name = name;
    this.place = place;
    this.command = List.copyOf(command);
  }

  public Place place() {
    return place;
  }

  /** Starts the program, with the state that it had when it ended. */
  public synchronized void start() {
    if (!closed && !isAlive()) {
      running = place.start(command);
    }
  }

  /**
   * Ends the program as a crash would, if it runs. A polite end takes as long as the slowest of its
   * connections, and the state on disk is complete without it.
   */
  public synchronized void kill() {
    if (isAlive()) {
      daemon().signal("KILL");
      daemon().awaitEnd(Commands.PATIENCE);
    }
  }

  /** Ends the program for good. */
  synchronized void close() {
    closed = true;
    kill();
  }

  public synchronized boolean isAlive() {
    return running != null && running.isAlive();
  }

  /** The process of the last start. */
  public synchronized Daemon daemon() {
    Daemon daemon = running;
    if (daemon == null) {
      throw new IllegalStateException(name + " was never started");
    }
    return daemon;
  }

  void await(String what, BooleanSupplier condition) {
    daemon().await(what, ControlPlane.PATIENCE, condition);
  }
}
