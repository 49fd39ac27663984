package dev.culvert.tunnel.gateway;

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
 * A running ESP device, as the daemon steers it. Safe to use from any thread.
 *
 * @param <K> where its keys come from
 */
public interface EspDevice<K extends Keying> {
  /** What an operator should know, and since when. */
  record DatedNotice(Instant at, TunnelEvent.Notice notice) {}

  /**
   * Asks or tells the keying something, on the thread that it belongs to.
   *
   * @param <K> where keys come from
   * @param <T> the answer
   */
  interface KeyingTask<K extends Keying, T> {
    /**
     * Does it.
     *
     * @param nowNanos monotonic time, as the engine knows it
     */
    T run(K keying, long nowNanos) throws Exception;
  }

  /** Its tunnel; closing that closes the device and its keying. */
  RunningTunnel tunnel();

  /**
   * These are all peers from now on, at this port and mark; all of it, or nothing. A peer whose
   * settings changed begins anew, the others keep what they have.
   *
   * @param port 0 for any that is free
   * @throws DeviceException where the port is in use or the kernel refuses the mark
   */
  void configure(Collection<EspPeerSettings> peers, int port, int mark) throws DeviceException;

  /**
   * Runs {@code task} on the control thread.
   *
   * @throws DeviceException with what it threw as cause, or where the gateway is closed
   */
  <T> T keying(KeyingTask<K, T> task) throws DeviceException;

  /** All security associations now. */
  List<SaStatus> securityAssociations() throws DeviceException;

  /** The keys of all security associations, on an operator's explicit demand; close them. */
  List<SaSecret> secrets() throws DeviceException;

  /** All peers now. */
  List<EspPeerStatus> peers() throws DeviceException;

  /** The last things that an operator should know, oldest first. */
  List<DatedNotice> notices();
}
