// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.UpgradeView;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Starts this process's successor from the program that is installed now, with the arguments of
 * this process. The successor belongs to the same service, since it is this process's child.
 */
public final class Upgrade {
  /** The variable by which launchers say where they are. */
  private static final String LAUNCHER = "CULVERT_LAUNCHER";

  /** The variable by which a launcher says that it has let go of the terminal. */
  private static final String DETACHED = "CULVERT_DETACHED";

  /** The variable by which a detached gateway is asked to log to its terminal. */
  private static final String LOG_LEVEL = "LOG_LEVEL";

  /** The status of a process that a signal ended is the signal's number and this. */
  private static final int SIGNALLED = 128;

  private static final EventLog LOG = EventLog.of(Upgrade.class);

  private final String interfaceName;
  private final List<String> arguments;
  private final @Nullable String launcher;
  private @Nullable Process successor;
  private volatile @Nullable UpgradeView view;
  private volatile LongConsumer whenFailed = process -> {};

  /**
   * @param arguments of this process, without the program
   */
  public Upgrade(String interfaceName, List<String> arguments) {
    this(interfaceName, arguments, System.getenv(LAUNCHER));
  }

  Upgrade(String interfaceName, List<String> arguments, @Nullable String launcher) {
    this.interfaceName = interfaceName;
    this.arguments = List.copyOf(arguments);
    this.launcher = launcher;
  }

  /**
   * Tells of each successor that fails from now on.
   *
   * @param told its process
   */
  void tellFailures(LongConsumer told) {
    whenFailed = told;
  }

  /**
   * Starts the successor and returns.
   *
   * @throws IOException if it cannot be started from here, or one is on its way already
   */
  synchronized void start() throws IOException {
    if (successor != null && successor.isAlive()) {
      throw new IOException("process " + successor.pid() + " is about to take over already");
    }
    if (ProcessHandle.current().pid() == 1) {
      throw new IOException(
          "this is the first process of a container, which ends with it: start a container of the"
              + " new image beside it, with 'up --replace'");
    }
    if (launcher == null) {
      throw new IOException(
          LAUNCHER + " is not set, so the program to start is not known: use 'up --replace'");
    }
    Process started = builder(launcher).start();
    successor = started;
    view = new UpgradeView(started.pid(), null, null);
    LOG.info(
        LogEvent.UPGRADE_STARTED,
        "{}: process {} is to take over",
        Field.tunnel(interfaceName),
        started.pid());
    Thread.ofPlatform().daemon().name("upgrade").start(() -> await(started));
  }

  private ProcessBuilder builder(String program) {
    List<String> command = new ArrayList<>();
    command.add(program);
    command.addAll(arguments);
    command.removeIf(argument -> argument.equals("-d") || argument.equals("--detach"));
    if (!command.contains("--replace")) {
      command.add("--replace");
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    Map<String, String> environment = builder.environment();
    // The service manager expects signs of life of whichever process is the main one.
    environment.remove("WATCHDOG_PID");
    // It inherits from this process, not from the manager.
    List.of("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES").forEach(environment::remove);
    builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    if (environment.containsKey(DETACHED)) {
      // The output of this process is closed, and the messages of a failure would be lost.
      builder.redirectErrorStream(!isAsked(environment.get(LOG_LEVEL)));
      if (!builder.redirectErrorStream()) {
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
      }
    } else {
      builder.redirectOutput(ProcessBuilder.Redirect.INHERIT);
      builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    }
    return builder;
  }

  private static boolean isAsked(@Nullable String logLevel) {
    return logLevel != null && !logLevel.isEmpty() && !logLevel.equals("silent");
  }

  /** Waits for the end of a successor that fails; this process ends before one that takes over. */
  private void await(Process started) {
    String last = "";
    try (BufferedReader output = started.inputReader()) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        last = line;
        LOG.info(LogEvent.UPGRADE_STARTED, "process {}: {}", started.pid(), line);
      }
      int status = started.waitFor();
      failed(
          started,
          "the new process "
              + (status > SIGNALLED
                  ? "was ended by signal " + (status - SIGNALLED)
                  : "ended with status " + status)
              + (last.isEmpty() ? "" : ": " + last),
          status);
    } catch (IOException e) {
      failed(started, "the new process cannot be heard: " + e.getMessage(), null);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void failed(Process started, String reason, @Nullable Integer exitCode) {
    LOG.error(
        LogEvent.UPGRADE_FAILED,
        "{} was not upgraded: {}",
        Field.tunnel(interfaceName),
        Field.reason(reason));
    whenFailed.accept(started.pid());
    synchronized (this) {
      // Another one may have been started since.
      if (started.equals(successor)) {
        view = new UpgradeView(started.pid(), reason, exitCode);
      }
    }
  }

  /** The last successor; null if none was started. */
  @Nullable UpgradeView view() {
    return view;
  }
}
