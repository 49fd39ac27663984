// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** The operations of one connection, one after the other. */
@FunctionalInterface
public interface Conversation extends AutoCloseable {
  /** Begins a conversation on each connection. */
  @FunctionalInterface
  interface Handler {
    /** Neither reads nor writes yet. */
    Conversation begin(InputStream in, OutputStream out);
  }

  /**
   * Waits for one operation and serves it. It reads the operation to its end before it changes or
   * answers anything: if the server is handed over while it reads, reading fails, and the operation
   * is served again from its first byte, by another process or later on by this one.
   *
   * @return whether another operation may follow
   * @throws IOException if the connection is broken or out of step; it ends
   */
  boolean serve() throws IOException;

  /** Wipes secrets that were read or written. */
  @Override
  default void close() {}
}
