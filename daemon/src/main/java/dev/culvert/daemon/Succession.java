// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.handover.HandoverException;
import dev.culvert.daemon.handover.Parcel;
import dev.culvert.daemon.handover.Predecessor;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.Rehearsal;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.SealedMemory;
import dev.culvert.tunnel.kernel.Urgency;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Takes a gateway over from another process. If that process dies before it has handed over, this
 * one begins anew: the guard stands meanwhile.
 */
public final class Succession implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(Succession.class);

  /** Of a process that reads its configuration. */
  private static final int NICENESS = 10;

  private final String interfaceName;
  private final Predecessor predecessor;

  private Succession(String interfaceName, Predecessor predecessor) {
    this.interfaceName = interfaceName;
    this.predecessor = predecessor;
  }

  /** Continues a state in a tunnel that is open and does not move packets yet. */
  @FunctionalInterface
  public interface Continuation {
    /**
     * Continues it.
     *
     * @param state null if there is none that this process can read: then peers get new handshakes
     */
    void restore(@Nullable StateReader state) throws ConfigException, IOException;
  }

  /**
   * Has the predecessor's packets come first at the processor, until this process rehearses, but
   * not for longer than a rehearsal may take.
   */
  public static void comeSecond() throws IOException {
    NumberProperty.requireAll();
    Duration most = NumberProperty.longestRehearsal();
    if (most.isPositive()) {
      Urgency.lower(NICENESS, most);
    }
  }

  /**
   * Checks the settings of a successor, which has the environment of this process.
   *
   * @throws DeviceException if one of them is refused
   */
  static void requireSettings() throws DeviceException {
    NumberProperty.requireAll();
  }

  /** Gives this process its usual place at the processor again. */
  static void comeFirst() throws IOException {
    Urgency.restore();
  }

  /**
   * Rehearses, and asks the process that runs a gateway to hand it over.
   *
   * @param directory of the admin sockets
   * @param engine {@code wireguard} or {@code esp}
   * @param cipher of the sessions, which is compiled first
   * @param cluster whether a classifier decides on each packet
   * @return empty if there is none
   * @throws IOException if it belongs to another user, or refuses
   */
  public static Optional<Succession> begin(
      Path directory, String interfaceName, String engine, AeadAlgorithm cipher, boolean cluster)
      throws IOException {
    if (!Predecessor.mayHandOver(directory, interfaceName)) {
      return Optional.empty();
    }
    Duration most = NumberProperty.longestRehearsal();
    if (most.isPositive()) {
      Urgency.onlySpareTime(most);
      Rehearsal.run(cipher, cluster, most);
    }
    comeFirst();
    return Predecessor.find(directory, interfaceName, engine)
        .map(predecessor -> new Succession(interfaceName, predecessor));
  }

  /**
   * Makes the predecessor leave the kernel's state, its sockets and its configuration alone.
   *
   * @return its descriptors; null if it has ended, so that this process begins anew
   */
  public @Nullable Parcel prepare() throws IOException {
    try {
      return predecessor.prepare();
    } catch (HandoverException e) {
      requireEnded(e);
      return null;
    }
  }

  private void requireEnded(HandoverException cause) throws IOException {
    if (!predecessor.hasEnded()) {
      throw cause;
    }
    LOG.warn(
        LogEvent.HANDOVER_FAILED,
        "{}: the process that was to hand over has ended: its sessions are lost",
        Field.tunnel(interfaceName));
  }

  /**
   * Takes the state over, and begins to move packets.
   *
   * @param tunnel that was opened with the predecessor's descriptors
   * @throws IOException if this process cannot take over: the predecessor goes on
   */
  public Result take(RunningTunnel tunnel, Continuation continuation)
      throws ConfigException, IOException {
    SealedMemory.Content content = state();
    boolean withSessions = content != null;
    try {
      continuation.restore(content == null ? null : new StateReader(content.bytes()));
    } catch (ConfigException | IOException | RuntimeException e) {
      refuse(e);
      throw e;
    } finally {
      if (content != null) {
        content.close();
      }
    }
    // From here on this process is the one that sends.
    predecessor.taken();
    Duration gap = tunnel.begin();
    LOG.info(
        LogEvent.HANDOVER_TAKEN,
        "{} was taken over from another process {}: no packet moved for {} ms",
        Field.tunnel(interfaceName),
        withSessions ? "with its sessions" : "without its sessions",
        gap.toMillis());
    return new Result(withSessions, gap);
  }

  /**
   * The end of a succession.
   *
   * @param withSessions whether the sessions continue
   * @param gap for which no process moved packets; 0 if that is not known
   */
  public record Result(boolean withSessions, Duration gap) {}

  /**
   * Refuses to take over in a process that a signal is about to end, since the gateway would end
   * with it. The last step of a {@link Continuation}. A JVM that ends accepts no more hooks, and
   * nothing else tells.
   */
  static void requireNotEnding() throws DeviceException {
    Thread hook = new Thread(() -> {});
    try {
      Runtime.getRuntime().addShutdownHook(hook);
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      throw new DeviceException("this process is about to end", Errno.EINTR);
    }
  }

  private SealedMemory.@Nullable Content state() throws IOException {
    try {
      return predecessor.take();
    } catch (HandoverException e) {
      requireEnded(e);
      return null;
    }
  }

  private void refuse(Exception reason) {
    try {
      predecessor.refuse(String.valueOf(reason.getMessage()));
    } catch (IOException inner) {
      reason.addSuppressed(inner);
    }
  }

  @Override
  public void close() {
    predecessor.close();
  }
}
