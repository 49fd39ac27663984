package dev.culvert.daemon.testing;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.EspPeerStatus;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaSecret;
import dev.culvert.tunnel.esp.SaStatus;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.EspGatewayOptions;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.lane.TrafficStatus;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/**
 * An ESP device that moves nothing, around a real keying. It claims one SA to its first peer. Port
 * 1 is always in use.
 */
public final class FakeEspDevice<K extends Keying> implements EspDevice<K> {
  private static final int EADDRINUSE = 98;

  private final EspGatewayOptions options;
  private final K keying;
  private final CountDownLatch closed = new CountDownLatch(1);
  private List<EspPeerSettings> peers = List.of();
  private int port;
  private int mark;

  public FakeEspDevice(EspGatewayOptions options, K keying) {
    this.options = options;
    this.keying = keying;
  }

  @Override
  public String interfaceName() {
    return options.interfaceName();
  }

  @Override
  public synchronized int listenPort() {
    return port;
  }

  @Override
  public synchronized int fwmark() {
    return mark;
  }

  @Override
  public synchronized void configure(Collection<EspPeerSettings> wanted, int newPort, int newMark)
      throws DeviceException {
    if (newPort == 1) {
      throw new DeviceException("UDP port 1 is in use", EADDRINUSE);
    }
    peers = List.copyOf(wanted);
    port = newPort;
    mark = newMark;
    keying.peers(wanted);
  }

  @Override
  public synchronized <T> T keying(KeyingTask<K, T> task) throws DeviceException {
    try {
      return task.run(keying, 0);
    } catch (Exception e) {
      throw new DeviceException(String.valueOf(e.getMessage()), EADDRINUSE, e);
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

  @Override
  public void useClassifier(Classifier classifier, Mark bypass) {
    throw new UnsupportedOperationException("peers' ranges decide");
  }

  @Override
  public void greet() {}

  @Override
  public GatewayStatus status() {
    return new GatewayStatus(
        1410,
        2,
        List.of("tun-tso"),
        "fake",
        10,
        20,
        5,
        4,
        Map.of(DropReason.BAD_TAG, 3L),
        TrafficStatus.NONE);
  }

  public boolean isClosed() {
    return closed.getCount() == 0;
  }

  @Override
  public Optional<String> failure() {
    return Optional.empty();
  }

  @Override
  public void awaitClosed() throws InterruptedException {
    closed.await();
  }

  @Override
  public void close() {
    if (closed.getCount() > 0) {
      keying.close();
    }
    closed.countDown();
  }
}
