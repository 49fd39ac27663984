// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The format of wg(8) and wg-quick(8). Keys may be in any case. Hooks are refused, since a
 * configuration must not run programs. DNS is refused too, since a gateway of nodes must not change
 * name resolution.
 */
final class WgFormat {
  static final List<String> INTERFACE_KEYS =
      List.of("PrivateKey", "ListenPort", "FwMark", "Address", "MTU", "Table");
  static final List<String> PEER_KEYS =
      List.of("PublicKey", "PresharedKey", "Endpoint", "AllowedIPs", "PersistentKeepalive");

  /** The form of all keys; secrets are longer. */
  private static final Pattern KEY = Pattern.compile("[A-Za-z]{1,24}");

  private static final List<String> HOOKS = List.of("preup", "postup", "predown", "postdown");

  private final String file;
  private final GatewayConfigBuilder config;
  private Section section = Section.NONE;
  private @Nullable Place peerStart;
  private @Nullable PeerLine publicKey;

  /** The peer's other lines: they have no order, and the builder starts with the public key. */
  private final List<PeerLine> peerLines = new ArrayList<>();

  private @Nullable KeySource privateKey;

  private enum Section {
    NONE,
    INTERFACE,
    PEER
  }

  private record PeerLine(Place at, String key, String value) {
    @Override
    public String toString() {
      return at + " " + key; // the value may be a secret
    }
  }

  private WgFormat(String file, String interfaceName) {
    this.file = file;
    this.config = new GatewayConfigBuilder(new Place(file, 0, ""));
    config.interfaceName = interfaceName;
  }

  /**
   * @param fileName whose base is the interface's name, as in wg-quick
   */
  static GatewayConfig parse(String file, String fileName, String text) throws ConfigException {
    Place whole = new Place(file, 0, "");
    String base =
        fileName.endsWith(".conf") ? fileName.substring(0, fileName.length() - 5) : fileName;
    WgFormat format = new WgFormat(file, Values.interfaceName(whole, base));
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      int comment = line.indexOf('#');
      String content = (comment < 0 ? line : line.substring(0, comment)).strip();
      if (!content.isEmpty()) {
        format.line(number, content);
      }
    }
    format.endPeer();
    if (format.privateKey == null) {
      throw whole.error("[Interface] needs a PrivateKey");
    }
    return format.config.build();
  }

  private void line(int number, String content) throws ConfigException {
    Place at = new Place(file, number, "");
    if (content.startsWith("[")) {
      section(at, content);
      return;
    }
    int equals = content.indexOf('=');
    if (equals < 0) {
      throw at.error("neither a section nor 'Key = value'");
    }
    String key = content.substring(0, equals).strip();
    String value = content.substring(equals + 1).strip();
    switch (section) {
      case NONE -> throw at.error("stands before the first section");
      case INTERFACE -> interfaceLine(place("Interface", number, key), key, value);
      case PEER -> peerLine(place("Peer", number, key), key, value);
    }
  }

  /**
   * The place of a key. A text that looks like no key is left out: in a line without its key, or
   * with a colon, a secret key stands there, since base64 ends with an equals sign.
   */
  private Place place(String section, int number, String key) {
    return new Place(file, number, KEY.matcher(key).matches() ? section + "." + key : section);
  }

  private void section(Place at, String name) throws ConfigException {
    endPeer();
    switch (name.toLowerCase(Locale.ROOT)) {
      case "[interface]" -> section = Section.INTERFACE;
      case "[peer]" -> {
        section = Section.PEER;
        peerStart = at;
      }
      default ->
          throw at.error("unknown section" + Suggestion.of(name, List.of("[Interface]", "[Peer]")));
    }
  }

  private void endPeer() throws ConfigException {
    if (peerStart == null) {
      return;
    }
    if (publicKey == null) {
      throw peerStart.error("[Peer] needs a PublicKey");
    }
    PeerConfigBuilder peer =
        config.peer(
            new Given<>(Values.publicKey(publicKey.at(), publicKey.value()), publicKey.at()));
    for (PeerLine line : peerLines) {
      apply(line.at(), line.key(), line.value(), peer);
    }
    peerStart = null;
    publicKey = null;
    peerLines.clear();
  }

  private void interfaceLine(Place at, String key, String value) throws ConfigException {
    String lower = key.toLowerCase(Locale.ROOT);
    if (HOOKS.contains(lower)) {
      throw at.error("hooks are refused: a configuration does not run programs");
    }
    switch (lower) {
      case "privatekey" -> {
        privateKey = new KeySource.Inline(key(at, value));
        config.privateKey = privateKey;
      }
      case "listenport" -> config.listenPort = (int) Values.number(at, value, 0, 65_535);
      case "fwmark" -> config.fwmark = Values.fwmark(at, value);
      case "mtu" -> config.mtu(at, value);
      case "address" -> {
        for (String address : value.split(",", -1)) {
          config.addresses.add(Values.address(at, address.strip()));
        }
      }
      case "table" -> config.routes = table(at, value);
      case "dns" -> throw at.error("name servers are not a gateway's to set; remove the line");
      case "saveconfig" ->
          throw at.error("this file is never written to; remove the line and use 'wg showconf'");
      default -> throw at.error("unknown key" + Suggestion.of(key, INTERFACE_KEYS));
    }
  }

  private static boolean table(Place at, String value) throws ConfigException {
    return switch (value) {
      case "auto" -> true;
      case "off" -> false;
      default -> throw at.error("only 'auto' and 'off' are supported by this version");
    };
  }

  private void peerLine(Place at, String key, String value) throws ConfigException {
    String lower = key.toLowerCase(Locale.ROOT);
    if (PEER_KEYS.stream().noneMatch(key::equalsIgnoreCase)) {
      throw at.error("unknown key" + Suggestion.of(key, PEER_KEYS));
    }
    if (!lower.equals("publickey")) {
      peerLines.add(new PeerLine(at, lower, value));
      return;
    }
    if (publicKey != null) {
      throw at.error("given twice");
    }
    publicKey = new PeerLine(at, lower, value);
  }

  private static void apply(Place at, String lower, String value, PeerConfigBuilder peer)
      throws ConfigException {
    switch (lower) {
      case "presharedkey" -> peer.presharedKey = new KeySource.Inline(key(at, value));
      case "endpoint" -> peer.endpoint = Values.endpoint(at, value);
      case "persistentkeepalive" -> peer.persistentKeepalive = Values.keepalive(at, value);
      case "allowedips" -> {
        for (String range : value.split(",", -1)) {
          if (!value.isEmpty()) {
            peer.allowedIp(at, range.strip());
          }
        }
      }
      default -> throw new IllegalStateException(lower);
    }
  }

  private static SecretBytes key(Place at, String value) throws ConfigException {
    return Base64Key.decode(at, value.getBytes(US_ASCII));
  }
}
