// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.EspPeerStatus;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.SaSecret;
import dev.culvert.tunnel.esp.SaStatus;
import java.time.Instant;
import java.util.Collection;
import java.util.List;

/**
 * A running ESP device, as the daemon uses it. Thread-safe.
 *
 * @param <K> the type of its keying
 */
public interface EspDevice<K extends Keying> {
  /** An event that an operator should know, with its time. */
  record DatedNotice(Instant at, TunnelEvent.Notice notice) {}

  /**
   * A query or change of the keying, which runs on the keying's thread.
   *
   * @param <K> the type of the keying
   * @param <T> the type of the result
   */
  interface KeyingTask<K extends Keying, T> {
    /**
     * Runs the task.
     *
     * @param nowNanos the engine's monotonic time in nanoseconds
     */
    T run(K keying, long nowNanos) throws Exception;
  }

  /** Its tunnel; closing that closes the device and its keying. */
  RunningTunnel tunnel();

  /**
   * Replaces all peers, port and mark, whole or not at all. A peer whose settings changed begins
   * anew; the others keep their SAs.
   *
   * @param port 0 for any that is free
   * @throws DeviceException if the port is in use or the kernel refuses the mark
   */
  void configure(Collection<EspPeerSettings> peers, int port, int mark) throws DeviceException;

  /**
   * Continues the device of another process, which has paused it. For a device that was opened with
   * the other's descriptors, after {@link #configure} and before it begins.
   *
   * @throws DeviceException if the state cannot be read; nothing was changed
   */
  void restore(StateReader state) throws DeviceException;

  /**
   * Runs {@code task} on the control thread.
   *
   * @throws DeviceException with the task's exception as cause, or if the gateway is closed
   */
  <T> T keying(KeyingTask<K, T> task) throws DeviceException;

  /** The status of all security associations. */
  List<SaStatus> securityAssociations() throws DeviceException;

  /** The keys of all security associations, on an operator's explicit demand; close them. */
  List<SaSecret> secrets() throws DeviceException;

  /** The status of all peers. */
  List<EspPeerStatus> peers() throws DeviceException;

  /** The last events that an operator should know, oldest first. */
  List<DatedNotice> notices();
}
