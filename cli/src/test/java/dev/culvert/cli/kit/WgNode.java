// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A namespace with a WireGuard interface in it, driven by {@code wg} and {@code ip}. */
public final class WgNode {
  /** The UDP port of every node. */
  public static final int PORT = 51820;

  public final Namespace namespace;
  public final String device;
  public final String publicKey;
  private final Path privateKey;
  private Daemon daemon;

  /** Starts {@code implementation} with a fresh key, its interface not yet up. */
  public WgNode(Namespace namespace, String device, Implementation implementation) {
    this.namespace = namespace;
    this.device = device;
    Keys keys = Keys.generate();
    this.publicKey = keys.publicKey();
    this.privateKey = secretFile(keys.privateKey());
    this.daemon = start(namespace, device, implementation, Map.of());
    wg("set", device, "private-key", privateKey.toString(), "listen-port", Integer.toString(PORT));
  }

  /**
   * A key pair as {@code wg} writes it.
   *
   * @param privateKey in base64
   * @param publicKey in base64
   */
  public record Keys(String privateKey, String publicKey) {
    public static Keys generate() {
      List<String> keys =
          Commands.run("bash", "-c", "k=$(wg genkey); echo $k; echo $k | wg pubkey")
              .out()
              .lines()
              .toList();
      return new Keys(keys.get(0), keys.get(1));
    }
  }

  /**
   * Serves an interface and waits until its socket accepts connections. {@code wg} must not ask
   * before: it deletes a socket that is bound and does not listen yet, and wireguard-go then ends.
   */
  public static Daemon start(
      Namespace namespace,
      String device,
      Implementation implementation,
      Map<String, String> environment) {
    Daemon daemon = namespace.start(environment, implementation.serving(device));
    daemon.await("its socket", Commands.PATIENCE, () -> isServed(device));
    return daemon;
  }

  private static boolean isServed(String device) {
    try (SocketChannel channel =
        SocketChannel.open(UnixDomainSocketAddress.of(RawUapi.socket(device)))) {
      return channel.isConnected();
    } catch (IOException e) {
      return false; // It is not there yet, or does not listen yet.
    }
  }

  /** Ends the daemon without a word and starts {@code implementation} anew, unconfigured. */
  void killAndRestart(Implementation implementation) {
    daemon.signal("KILL");
    daemon.awaitEnd(Commands.PATIENCE);
    daemon = start(namespace, device, implementation, Map.of());
  }

  /** A file that only we may read; deleted at exit. */
  public static Path secretFile(String content) {
    try {
      Path file =
          Files.createTempFile(
              "culvert-test",
              ".conf",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      file.toFile().deleteOnExit();
      Files.writeString(file, content + "\n");
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Daemon daemon() {
    return daemon;
  }

  public Path privateKey() {
    return privateKey;
  }

  /** Runs {@code wg}, which must succeed, and gives its output. */
  public String wg(String... arguments) {
    List<String> command = new ArrayList<>(List.of("wg"));
    command.addAll(List.of(arguments));
    return namespace.run(command.toArray(String[]::new)).out();
  }

  /** Runs {@code wg set} on our interface. */
  public void set(String... arguments) {
    List<String> command = new ArrayList<>(List.of("set", device));
    command.addAll(List.of(arguments));
    wg(command.toArray(String[]::new));
  }

  /** When the last handshake with the only peer was, in seconds since 1970; 0 for never. */
  public long latestHandshake() {
    return Long.parseLong(onlyPeer("latest-handshakes"));
  }

  /** The endpoint of the only peer, as {@code wg} prints it. */
  public String endpoint() {
    return onlyPeer("endpoints");
  }

  private String onlyPeer(String field) {
    return wg("show", device, field).strip().split("\t", 2)[1];
  }

  /**
   * Whether one small packet and its answer pass within two seconds, or more in a {@link Crowd}.
   */
  public boolean pings(String address) {
    return ping(address, "-c", "1", "-W", Crowd.seconds(2)).succeeded();
  }

  /** Pings until it works. */
  public boolean eventuallyPings(String address) {
    return Waiting.until(Commands.PATIENCE, () -> pings(address));
  }

  public Commands.Result ping(String address, String... options) {
    List<String> command = new ArrayList<>(List.of("ping", "-n"));
    command.addAll(List.of(options));
    command.add(address);
    return namespace.attempt(command.toArray(String[]::new));
  }
}
