// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.EspPeerStatus;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaSecret;
import dev.culvert.tunnel.esp.SaStatus;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.kernel.Errno;
import java.util.Collection;
import java.util.List;

/**
 * An ESP device that moves nothing, around a real keying. It claims one SA to its first peer. Port
 * 1 is always in use.
 */
public final class FakeEsp<K extends Keying> implements EspDevice<K> {
  private final K keying;
  private final FakeTunnel tunnel;
  private List<EspPeerSettings> peers = List.of();

  public FakeEsp(GatewayOptions options, K keying) {
    tunnel = new FakeTunnel(options.interfaceName(), keying::close);
    this.keying = keying;
  }

  @Override
  public void restore(StateReader state) {}

  @Override
  public FakeTunnel tunnel() {
    return tunnel;
  }

  @Override
  public synchronized void configure(Collection<EspPeerSettings> wanted, int newPort, int newMark)
      throws DeviceException {
    if (newPort == 1) {
      throw new DeviceException("UDP port 1 is in use", Errno.EADDRINUSE);
    }
    peers = List.copyOf(wanted);
    tunnel.bind(newPort, newMark);
    keying.peers(wanted);
  }

  @Override
  public synchronized <T> T keying(KeyingTask<K, T> task) throws DeviceException {
    if (tunnel.isClosed()) {
      throw DeviceException.closed();
    }
    try {
      return task.run(keying, 0);
    } catch (Exception e) {
      throw new DeviceException(String.valueOf(e.getMessage()), Errno.EADDRINUSE, e);
    }
  }

  @Override
  public List<SaSecret> secrets() {
    return List.of();
  }

  @Override
  public synchronized List<SaStatus> securityAssociations() {
    return peers.stream()
        .limit(1)
        .map(
            peer ->
                new SaStatus(
                    peer.name(),
                    true,
                    3,
                    AeadAlgorithm.AES_GCM,
                    128,
                    true,
                    new SaKeyId(0x1234L << 48, 0),
                    5_000_000_000L,
                    1L << 62,
                    -1,
                    7,
                    2048,
                    0))
        .toList();
  }

  @Override
  public synchronized List<EspPeerStatus> peers() {
    return peers.stream()
        .map(
            peer ->
                new EspPeerStatus(
                    peer, Endpoint.of(peer.remoteNode(), peer.endpoint().port()), 11, 12))
        .toList();
  }

  @Override
  public List<DatedNotice> notices() {
    return List.of();
  }
}
