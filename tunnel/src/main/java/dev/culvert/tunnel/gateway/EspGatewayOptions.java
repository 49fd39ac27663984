package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.esp.EspOverhead;
import dev.culvert.tunnel.port.Encapsulation;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How to open an ESP gateway.
 *
 * @param interfaceName the TUN device's name, 1 to 15 characters
 * @param mtu the tunnel's MTU, 576 to 65535, or 0 for {@link #DEFAULT_MTU}
 * @param lanes packet-moving threads, 1 to 256, or 0 to choose by the machine
 * @param helpers threads that share the lanes' ciphering, 0 to 64, or {@link
 *     GatewayOptions#BY_MACHINE}
 * @param port UDP port to listen on, or 0 for any that is free
 * @param fwmark mark of the packets that carry the tunnel, 0 for none
 * @param encapsulation what carries sealed packets; with {@link Encapsulation#RAW} the port is that
 *     of all nodes, for the keying's messages
 * @param stateDirectory where the newest answered handshake timestamp is kept, so that a clock
 *     reset at boot does not lock this node out; null: not kept, as where no handshakes are
 */
public record EspGatewayOptions(
    String interfaceName,
    int mtu,
    int lanes,
    int helpers,
    int port,
    int fwmark,
    Encapsulation encapsulation,
    @Nullable Path stateDirectory) {
  /** What fits an underlay of 1500 bytes with IPv6 outside. */
  public static final int DEFAULT_MTU = EspOverhead.mtu(1500, 40, true);

  public EspGatewayOptions {
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port " + port + " is outside 0 to 65535");
    }
  }

  /** ESP in UDP, with nothing kept. */
  public EspGatewayOptions(
      String interfaceName, int mtu, int lanes, int helpers, int port, int fwmark) {
    this(interfaceName, mtu, lanes, helpers, port, fwmark, Encapsulation.UDP, null);
  }

  GatewayOptions gateway() {
    return new GatewayOptions(
        interfaceName, mtu == 0 ? DEFAULT_MTU : mtu, lanes, helpers, stateDirectory, null);
  }
}
