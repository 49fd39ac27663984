// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.esp;

import dev.culvert.lab.LabSite;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.MessageFilter;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.TrafficListener;
import dev.culvert.tunnel.esp.global.GlobalKeying;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.gateway.EspTunnel;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.port.Encapsulation;
import dev.culvert.tunnel.state.KeyFileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * An ESP gateway that writes down every key before it sends under it, and whose epochs can be
 * fixed. Only tests have such a program; the command has no way to do so.
 */
final class KeyLoggingEspGateway {
  private KeyLoggingEspGateway() {}

  /** The command that runs one for {@code site}. */
  static List<String> command(
      LabSite site, LabSite other, Path keyFile, Path keyLog, boolean fixedEpoch) {
    return List.of(
        System.getProperty("java.home") + "/bin/java",
        "--enable-native-access=ALL-UNNAMED",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xmx192m",
        "-cp",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
        KeyLoggingEspGateway.class.getName(),
        keyFile.toString(),
        site.interfaceName(),
        site.wireAddress(),
        other.wireAddress(),
        site.podCidrs().getFirst(),
        other.podCidrs().getFirst(),
        keyLog.toString(),
        Boolean.toString(fixedEpoch));
  }

  /** KEYFILE IFACE LOCAL REMOTE LOCALRANGE REMOTERANGE KEYLOG FIXED. */
  public static void main(String[] args) throws Exception {
    RandomGenerator random = Boolean.parseBoolean(args[7]) ? () -> 42 : new SecureRandom();
    IpAddress local = IpAddress.parse(args[2]);
    IpAddress remote = IpAddress.parse(args[3]);
    EspPeerSettings peer =
        new EspPeerSettings(
            "other",
            local,
            remote,
            Endpoint.of(remote, Encapsulation.ESP_PORT),
            new Selectors(List.of(Prefix.parse(args[4])), List.of(Prefix.parse(args[5]))));
    Keying keying;
    try (KeyFile keys = KeyFileReader.read(Path.of(args[0]))) {
      keying = new Logged(new GlobalKeying(keys, true, random), Path.of(args[6]));
    }
    GatewayOptions options =
        GatewayOptions.esp(args[1], 0, 1, 0, Encapsulation.ESP_PORT, 0, Encapsulation.UDP);
    try (EspTunnel<Keying> gateway = EspTunnel.open(options, keying)) {
      gateway.configure(List.of(peer), Encapsulation.ESP_PORT, 0);
      System.out.println("is up");
      gateway.tunnel().awaitClosed();
    }
  }

  /** Writes down keys that are about to be sent under: SPI, key and salt, in hexadecimal. */
  private record Logged(Keying keying, Path log) implements Keying {
    @Override
    public @Nullable KeyingEvent pollEvent() {
      KeyingEvent event = keying.pollEvent();
      if (event instanceof KeyingEvent.UseOutbound use) {
        byte[] key = use.sa().key().toByteArray();
        append(
            "%08x %s %08x%n"
                .formatted(use.sa().spi(), HexFormat.of().formatHex(key), use.sa().salt()));
        Arrays.fill(key, (byte) 0);
      }
      return event;
    }

    private void append(String line) {
      try {
        Files.writeString(log, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void peers(Collection<EspPeerSettings> peers) {
      keying.peers(peers);
    }

    @Override
    public DropCounters drops() {
      return keying.drops();
    }

    @Override
    public MessageFilter newFilter() {
      return keying.newFilter();
    }

    @Override
    public TrafficListener traffic(String peer) {
      return keying.traffic(peer);
    }

    @Override
    public void receive(
        byte[] message, Endpoint from, boolean underLoad, long nowNanos, long wallNanos) {
      keying.receive(message, from, underLoad, nowNanos, wallNanos);
    }

    @Override
    public void advance(long nowNanos, long wallNanos) {
      keying.advance(nowNanos, wallNanos);
    }

    @Override
    public void startAfresh(long nowNanos, long wallNanos) {
      keying.startAfresh(nowNanos, wallNanos);
    }

    @Override
    public void wanted(String peer, long nowNanos) {
      keying.wanted(peer, nowNanos);
    }

    @Override
    public void runningLow(String peer, SaKeyId key, long nextSequence, long nowNanos) {
      keying.runningLow(peer, key, nextSequence, nowNanos);
    }

    @Override
    public @Nullable Message pollMessage() {
      return keying.pollMessage();
    }

    @Override
    public @Nullable TunnelEvent pollNotice() {
      return keying.pollNotice();
    }

    @Override
    public String kind() {
      return keying.kind();
    }

    @Override
    public boolean reservesNumbers() {
      return keying.reservesNumbers();
    }

    @Override
    public void save(StateWriter out, long nowNanos) {
      keying.save(out, nowNanos);
    }

    @Override
    public KeyingState read(StateReader in, KeyingState.Context context) throws StateException {
      return keying.read(in, context);
    }

    @Override
    public void goOn() {
      keying.goOn();
    }

    @Override
    public long nextDeadlineNanos() {
      return keying.nextDeadlineNanos();
    }

    @Override
    public void close() {
      keying.close();
    }
  }
}
