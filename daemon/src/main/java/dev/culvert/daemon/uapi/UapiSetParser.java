// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ready.EndpointText;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate.AllowedIpChange;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Parses the lines of one {@code set=1} operation, including the empty line at its end. */
final class UapiSetParser implements AutoCloseable {
  private final UapiReader lines;
  private final List<PeerUpdate> peers = new ArrayList<>();
  private final List<SecretBytes> secrets = new ArrayList<>();
  private @Nullable SecretBytes privateKey;
  private OptionalInt listenPort = OptionalInt.empty();
  private OptionalInt fwmark = OptionalInt.empty();
  private boolean replacePeers;
  private @Nullable Peer peer;

  UapiSetParser(UapiReader lines) {
    this.lines = lines;
  }

  /** The peer that the lines are about now. */
  private static final class Peer {
    final PublicKey publicKey;
    final List<AllowedIpChange> allowedIps = new ArrayList<>();
    boolean remove;
    boolean updateOnly;
    boolean replaceAllowedIps;
    @Nullable SecretBytes presharedKey;
    @Nullable Endpoint endpoint;
    OptionalInt persistentKeepalive = OptionalInt.empty();

    Peer(PublicKey publicKey) {
      this.publicKey = publicKey;
    }

    PeerUpdate build() {
      return new PeerUpdate(
          publicKey,
          remove,
          updateOnly,
          presharedKey,
          endpoint,
          persistentKeepalive,
          replaceAllowedIps,
          allowedIps);
    }
  }

  /**
   * Reads one operation. Its secrets live until this parser is closed.
   *
   * @throws UapiException if a line is refused; the reader then stands on that line
   */
  DeviceUpdate parse() throws IOException, UapiException {
    while (true) {
      if (!lines.advance()) {
        throw new UapiException("the stream ends within an operation", UapiException.EIO);
      }
      if (lines.isEmpty()) {
        finishPeer();
        return new DeviceUpdate(privateKey, listenPort, fwmark, replacePeers, peers);
      }
      line(lines.key());
    }
  }

  private void line(String key) throws UapiException {
    if (key.equals("public_key")) {
      finishPeer();
      peer = new Peer(publicKey());
    } else if (peer == null) {
      deviceLine(key);
    } else {
      peerLine(key, peer);
    }
  }

  private void finishPeer() {
    if (peer != null) {
      peers.add(peer.build());
    }
  }

  private void deviceLine(String key) throws UapiException {
    switch (key) {
      case "private_key" -> privateKey = secret(key);
      case "listen_port" -> listenPort = OptionalInt.of((int) number(key, 65_535));
      case "fwmark" ->
          fwmark = OptionalInt.of(lines.value().isEmpty() ? 0 : (int) number(key, 0xffff_ffffL));
      case "replace_peers" -> replacePeers = isTrue(key);
      default -> throw UapiException.invalid("unknown device key");
    }
  }

  private void peerLine(String key, Peer peer) throws UapiException {
    switch (key) {
      case "update_only" -> peer.updateOnly = isTrue(key);
      case "remove" -> peer.remove = isTrue(key);
      case "preshared_key" -> peer.presharedKey = secret(key);
      case "endpoint" -> peer.endpoint = endpoint();
      case "persistent_keepalive_interval" ->
          peer.persistentKeepalive = OptionalInt.of((int) number(key, 65_535));
      case "replace_allowed_ips" -> {
        peer.replaceAllowedIps = isTrue(key);
        peer.allowedIps.clear(); // ranges that were named before are removed too
      }
      case "allowed_ip" -> peer.allowedIps.add(allowedIp());
      case "protocol_version" -> {
        if (!lines.value().equals("1")) {
          throw UapiException.invalid("protocol_version is not 1");
        }
      }
      default -> throw UapiException.invalid("unknown peer key");
    }
  }

  private PublicKey publicKey() throws UapiException {
    try {
      return PublicKey.parseHex(lines.value());
    } catch (IllegalArgumentException e) {
      throw UapiException.invalid("public_key is not 64 hexadecimal digits");
    }
  }

  private SecretBytes secret(String key) throws UapiException {
    SecretBytes secret = lines.secret();
    if (secret == null) {
      throw UapiException.invalid(key + " is not 64 hexadecimal digits");
    }
    secrets.add(secret);
    return secret;
  }

  private long number(String key, long max) throws UapiException {
    String value = lines.value();
    boolean digits =
        !value.isEmpty()
            && value.length() <= 10
            && value.chars().allMatch(c -> c >= '0' && c <= '9');
    if (!digits || Long.parseLong(value) > max) {
      throw UapiException.invalid(key + " is not a number from 0 to " + max);
    }
    return Long.parseLong(value);
  }

  private boolean isTrue(String key) throws UapiException {
    if (!lines.value().equals("true")) {
      throw UapiException.invalid(key + " takes only true");
    }
    return true;
  }

  private Endpoint endpoint() throws UapiException {
    try {
      return EndpointText.parse(lines.value());
    } catch (IllegalArgumentException e) {
      throw UapiException.invalid("endpoint: " + e.getMessage());
    }
  }

  private AllowedIpChange allowedIp() throws UapiException {
    String value = lines.value();
    boolean remove = value.startsWith("-");
    if (value.indexOf('/') < 0) {
      throw UapiException.invalid("allowed_ip has no prefix length");
    }
    try {
      return new AllowedIpChange(Prefix.parse(remove ? value.substring(1) : value), remove);
    } catch (IllegalArgumentException e) {
      throw UapiException.invalid("allowed_ip: " + e.getMessage());
    }
  }

  @Override
  public void close() {
    secrets.forEach(SecretBytes::close);
  }
}
