// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.manual.ManualKeying;
import dev.culvert.tunnel.esp.manual.ManualSa;
import dev.culvert.tunnel.esp.manual.SequenceStore;
import dev.culvert.tunnel.gateway.EspTunnel;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.port.Encapsulation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;

/**
 * A gateway with one foreign peer and one pair of manual SAs, whose keys live no longer than a
 * test. So the test chooses its first sequence numbers, and none are on a disk.
 */
public final class ManualEspGateway {
  private static final String PEER = "foreign";

  private ManualEspGateway() {}

  /**
   * One direction.
   *
   * @param key AES key and salt, in hexadecimal
   */
  public record Sa(int spi, String key) {}

  /**
   * The arguments of the gateway.
   *
   * @param local prefixes behind us
   * @param remote prefixes behind the peer
   * @param first the first sequence number to send with
   */
  public record Setup(
      String device,
      Encapsulation encapsulation,
      String peer,
      List<String> local,
      List<String> remote,
      Sa in,
      Sa out,
      boolean esn,
      long first) {
    /** The command line, with the keys in a file that only we may read. */
    List<String> command() {
      Path file =
          WgNode.secretFile(
              String.join(
                  "\n",
                  "device=" + device,
                  "encapsulation=" + encapsulation,
                  "peer=" + peer,
                  "local=" + String.join(",", local),
                  "remote=" + String.join(",", remote),
                  "in=" + in.spi() + " " + in.key(),
                  "out=" + out.spi() + " " + out.key(),
                  "esn=" + esn,
                  "first=" + first));
      return List.of(
          System.getProperty("java.home") + "/bin/java",
          "--enable-native-access=ALL-UNNAMED",
          "-XX:+UseSerialGC",
          "-Xmx192m",
          "-cp",
          System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
          ManualEspGateway.class.getName(),
          file.toString());
    }
  }

  /** FILE. */
  public static void main(String[] args) throws IOException, InterruptedException {
    Properties setup = new Properties();
    try (InputStream in = Files.newInputStream(Path.of(args[0]))) {
      setup.load(in);
    }
    boolean esn = Boolean.parseBoolean(setup.getProperty("esn"));
    ManualKeying keying =
        new ManualKeying(
            List.of(sa(setup.getProperty("in"), esn)),
            List.of(sa(setup.getProperty("out"), esn)),
            inMemory(Long.parseLong(setup.getProperty("first"))));
    IpAddress peer = IpAddress.parse(setup.getProperty("peer"));
    EspPeerSettings settings =
        new EspPeerSettings(
            PEER,
            peer,
            peer,
            Endpoint.of(peer, Encapsulation.ESP_PORT),
            new Selectors(
                prefixes(setup.getProperty("local")), prefixes(setup.getProperty("remote"))));
    int port = Encapsulation.ESP_PORT;
    GatewayOptions options =
        GatewayOptions.esp(
            setup.getProperty("device"),
            0,
            0,
            0,
            port,
            0,
            Encapsulation.valueOf(setup.getProperty("encapsulation")));
    try (EspTunnel<ManualKeying> gateway = EspTunnel.open(options, keying)) {
      gateway.configure(List.of(settings), port, 0);
      System.out.println("serving");
      gateway.tunnel().awaitClosed();
    }
  }

  private static List<Prefix> prefixes(String list) {
    return Arrays.stream(list.split(",")).map(Prefix::parse).toList();
  }

  private static ManualSa sa(String text, boolean esn) {
    int space = text.indexOf(' ');
    byte[] key = HexFormat.of().parseHex(text, space + 1, text.length());
    int length = key.length - Integer.BYTES;
    return new ManualSa(
        PEER,
        Integer.parseInt(text.substring(0, space)),
        SecretBytes.owning(Arrays.copyOf(key, length)),
        ByteBuffer.wrap(key).getInt(length),
        esn);
  }

  private static SequenceStore inMemory(long first) {
    long[] next = {first};
    return (fingerprint, count, spaceEnd) -> {
      long from = next[0];
      next[0] = Math.min(spaceEnd, from + count);
      return new SequenceStore.Block(from, next[0]);
    };
  }
}
