// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;

/**
 * Tells when a file has changed. The file is looked at twice a second, through symbolic links: a
 * mounted Kubernetes volume changes by swapping a link above the file, which a watch of the file
 * would not see. A file that is being written is left alone until two looks find it unchanged.
 */
final class FileWatch implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(FileWatch.class);
  private static final Duration INTERVAL = Duration.ofMillis(500);

  private final Path file;
  private final Runnable changed;
  private final Thread thread;

  // Not the present version: the file may have changed since it was read, and reading it again is
  // harmless.
  private String told = "";
  private String seen = "";
  private volatile boolean closed;

  private FileWatch(String name, Path file, Runnable changed) {
    this.file = file;
    this.changed = changed;
    thread = Thread.ofVirtual().name(name).unstarted(this::run);
  }

  /**
   * Starts to watch.
   *
   * @param name of the thread
   * @param changed called on that thread, for the first time soon
   */
  static FileWatch start(String name, Path file, Runnable changed) {
    FileWatch watch = new FileWatch(name, file, changed);
    watch.thread.start();
    return watch;
  }

  Path file() {
    return file;
  }

  private void run() {
    try {
      while (!closed) {
        Thread.sleep(INTERVAL);
        try {
          look(true);
        } catch (RuntimeException e) {
          LOG.failure(LogEvent.WATCH_FAILED, e, "{}: its change could not be handled", file);
        }
      }
    } catch (InterruptedException e) {
      LOG.debug(LogEvent.WATCH_ENDED, "{} is no longer watched", file);
    }
  }

  /** Looks now, and takes the file as it is. */
  void look() {
    look(false);
  }

  private synchronized void look(boolean patient) {
    String now = version();
    boolean rests = !patient || now.equals(seen);
    seen = now;
    if (rests && !now.equals(told)) {
      told = now;
      changed.run();
    }
  }

  /** A text that changes whenever the file changes or another file replaces it. */
  private String version() {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return attributes.fileKey()
          + " "
          + attributes.lastModifiedTime()
          + " "
          + attributes.size()
          + " "
          + Files.getPosixFilePermissions(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
