// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.testing.FakeWireGuard;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A UAPI connection answers get and set as wireguard-go does, and an operation that is cut off or
 * has a bad peer line changes nothing.
 */
final class UapiConnectionTest {
  private static final String KEY = "42".repeat(32);
  private static final String PEER = "public_key=" + KEY + "\n";
  private static final String ZEROS = "00".repeat(32);

  private final FakeWireGuard device = new FakeWireGuard("fake0");

  private String ask(String text) throws IOException {
    return ask(text.getBytes(ISO_8859_1));
  }

  private String ask(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (UapiConnection connection =
        new UapiConnection(device, new ByteArrayInputStream(bytes), out)) {
      while (connection.serve()) {}
    }
    return out.toString(ISO_8859_1);
  }

  @Test
  void aNewDeviceHasNothingToTell() throws IOException {
    assertEquals("errno=0\n\n", ask("get=1\n\n"));
  }

  @Test
  void getTellsEverythingInTheOrderOfWireguardGo() throws IOException {
    String privateKey = "40" + "11".repeat(30) + "41";
    assertEquals(
        "errno=0\n\n",
        ask(
            "set=1\nprivate_key="
                + privateKey
                + "\nlisten_port=51820\nfwmark=4294967295\n"
                + PEER
                + "preshared_key="
                + KEY
                + "\nendpoint=[2001:db8::1]:7\npersistent_keepalive_interval=25\n"
                + "allowed_ip=10.0.0.7/24\nallowed_ip=fd00::/8\nprotocol_version=1\n\n"));
    assertEquals(
        "private_key="
            + privateKey
            + "\nlisten_port=51820\nfwmark=4294967295\n"
            + PEER
            + "preshared_key="
            + KEY
            + "\nprotocol_version=1\nendpoint=[2001:db8::1]:7\n"
            + "last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=42\n"
            + "tx_bytes=1000\nrx_bytes=2000\npersistent_keepalive_interval=25\n"
            + "allowed_ip=10.0.0.0/24\nallowed_ip=fd00::/8\nerrno=0\n\n",
        ask("get=1\n\n"));
  }

  @Test
  void aPeerThatWasNeverMetHasZerosAndNoEndpoint() throws IOException {
    ask("set=1\n" + PEER + "\n");
    assertEquals(
        PEER
            + "preshared_key="
            + ZEROS
            + "\nprotocol_version=1\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\n"
            + "tx_bytes=1000\nrx_bytes=2000\npersistent_keepalive_interval=0\nerrno=0\n\n",
        ask("get=1\n\n"));
  }

  @Test
  void severalOperationsShareAConnection() throws IOException {
    assertEquals(
        "errno=0\n\nlisten_port=7\nerrno=0\n\nerrno=0\n\n",
        ask("set=1\nlisten_port=7\n\nget=1\n\nset=1\n\n"));
  }

  @Test
  void aRefusedOperationIsSkippedToItsEnd() throws IOException {
    assertEquals("errno=-22\n\nerrno=0\n\n", ask("set=1\nnonsense=1\nlisten_port=7\n\nget=1\n\n"));
  }

  @Test
  void aRefusedEmptyLineInGetDoesNotSwallowTheNext() throws IOException {
    assertEquals("errno=-22\n\nerrno=0\n\n", ask("get=1\nlisten_port=7\n\nget=1\n\n"));
  }

  @Test
  void whatTheDeviceRefusesIsItsErrno() throws IOException {
    assertEquals("errno=-98\n\nerrno=0\n\n", ask("set=1\nlisten_port=1\n\nget=1\n\n"));
  }

  @Test
  void anOperationThatIsCutOffChangesNothing() throws IOException {
    assertEquals("errno=-5\n\n", ask("set=1\nlisten_port=7\n"));
    assertEquals("errno=-5\n\n", ask("set=1\nlisten_port=7"));
    assertEquals("errno=0\n\n", ask("get=1\n\n"));
  }

  @Test
  void anUnknownOperationEndsTheConnection() throws IOException {
    assertEquals("errno=-71\n\n", ask("put=1\n\nget=1\n\n"));
  }

  @Test
  void anOperationThatIsTooLongIsReadToItsEndAndAnswered() throws IOException {
    String line = "fwmark=0\n";
    String set = "set=1\n" + line.repeat((int) UapiReader.MAX_OPERATION / line.length() + 9);
    assertEquals("errno=-90\n\nerrno=0\n\n", ask(set + "\nget=1\n\n"));
  }

  @Test
  void aLineWithoutEndIsRefusedAndEndsTheConnection() throws IOException {
    assertEquals("errno=-71\n\n", ask("set=1\n" + "a".repeat(100_000) + "\n\nget=1\n\n"));
  }

  @ParameterizedTest
  @CsvSource({
    "private_key=42, -22",
    "private_key=, -22",
    "listen_port=65536, -22",
    "listen_port=-1, -22",
    "listen_port=+7, -22",
    "listen_port=, -22",
    "fwmark=4294967296, -22",
    "fwmark=0x10, -22",
    "replace_peers=false, -22",
    "replace_peers=1, -22",
    "public_key=42, -22",
    "preshared_key=" + "4242424242424242424242424242424242424242424242424242424242424242, -22",
    "unknown=1, -22",
    "=, -22",
    "no equals sign, -71",
  })
  void aBadDeviceLineIsRefusedAsWireguardGoDoes(String line, int errno) throws IOException {
    assertEquals("errno=" + errno + "\n\n", ask("set=1\n" + line + "\n\n"));
  }

  @ParameterizedTest
  @CsvSource({
    "update_only=yes, -22",
    "remove=1, -22",
    "preshared_key=42, -22",
    "endpoint=10.0.0.1, -22",
    "endpoint=10.0.0.1:0, -22",
    "endpoint=10.0.0.1:65536, -22",
    "endpoint=::1:7, -22",
    "endpoint=[::1:7, -22",
    "endpoint=localhost:7, -22",
    "endpoint=[fe80::1%no-such-link]:7, -22",
    "persistent_keepalive_interval=65536, -22",
    "persistent_keepalive_interval=off, -22",
    "replace_allowed_ips=no, -22",
    "allowed_ip=10.0.0.0/33, -22",
    "allowed_ip=10.0.0.1, -22",
    "allowed_ip=--10.0.0.0/8, -22",
    "allowed_ip=::/129, -22",
    "protocol_version=2, -22",
    "listen_port=7, -22",
    "private_key=" + "4242424242424242424242424242424242424242424242424242424242424242, -22",
    "no equals sign, -71",
  })
  void aBadPeerLineIsRefusedAndNothingOfItsOperationIsApplied(String line, int errno)
      throws IOException {
    assertEquals(
        "errno=" + errno + "\n\nerrno=0\n\n",
        ask("set=1\nlisten_port=7\n" + PEER + line + "\n\nget=1\n\n"));
  }

  @Test
  void rangesAreAddedTakenAndReplaced() throws IOException {
    String both = "allowed_ip=10.0.0.0/8\nallowed_ip=10.1.0.0/16\n";
    ask("set=1\n" + PEER + both + "\n");
    ask("set=1\n" + PEER + "allowed_ip=-10.0.0.0/8\n\n");
    assertTrue(ask("get=1\n\n").endsWith("\nallowed_ip=10.1.0.0/16\nerrno=0\n\n"));
    ask("set=1\n" + PEER + both + "replace_allowed_ips=true\nallowed_ip=::/0\n\n");
    assertTrue(ask("get=1\n\n").endsWith("interval=0\nallowed_ip=::/0\nerrno=0\n\n"));
  }

  @Test
  void peersAreRemovedReplacedAndNotMadeByUpdateOnly() throws IOException {
    ask("set=1\n" + PEER + "update_only=true\n\n");
    assertEquals("errno=0\n\n", ask("get=1\n\n"));
    ask("set=1\n" + PEER + "public_key=" + "43".repeat(32) + "\n\n");
    ask("set=1\n" + PEER + "remove=true\n\n");
    assertTrue(ask("get=1\n\n").startsWith("public_key=4343"));
    ask("set=1\nreplace_peers=true\n\n");
    assertEquals("errno=0\n\n", ask("get=1\n\n"));
  }

  @Test
  void aPrivateKeyOfZerosRemovesIt() throws IOException {
    ask("set=1\nprivate_key=" + KEY + "\n\n");
    ask("set=1\nprivate_key=" + ZEROS + "\n\n");
    assertEquals("errno=0\n\n", ask("get=1\n\n"));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void garbageIsAnsweredWithAnErrorOrNotAtAllAndNeverThrows(long seed) throws IOException {
    Random random = new Random(seed);
    String[] words = {
      "set=1\n",
      "get=1\n",
      "\n",
      "=",
      PEER,
      "allowed_ip=",
      "10.0.0.0/8",
      "-",
      "endpoint=",
      "[::1]",
      ":7",
      "private_key=",
      KEY,
      "remove=true\n",
      "listen_port=",
      "7",
      "%",
      "\0",
      "\u00ff"
    };
    for (int round = 0; round < 2000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(30); i > 0; i--) {
        text.append(words[random.nextInt(words.length)]);
      }
      byte[] bytes = text.toString().getBytes(ISO_8859_1);
      for (int flips = random.nextInt(4); flips > 0 && bytes.length > 0; flips--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      String answer = ask(bytes);
      assertTrue(answer.isEmpty() || answer.endsWith("\n\n"), answer);
    }
  }
}
