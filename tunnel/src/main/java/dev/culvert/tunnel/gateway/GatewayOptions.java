// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.routing.plan.TunnelMtu;
import dev.culvert.tunnel.esp.EspOverhead;
import dev.culvert.tunnel.noise.KeyLog;
import dev.culvert.tunnel.port.Encapsulation;
import dev.culvert.tunnel.port.OffloadModes;
import dev.culvert.tunnel.wireguard.WireGuardOverhead;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The options of a gateway.
 *
 * @param interfaceName the TUN device's name, 1 to 15 characters
 * @param mtu the tunnel's MTU, 576 to 65535; with inherited descriptors also {@link #MTU_AS_IS}
 * @param lanes packet-moving threads, 1 to 256, or 0 for a default that depends on the machine
 * @param helpers threads that share the lanes' ciphering, 0 to 64, or {@link #BY_MACHINE}
 * @param port UDP port to listen on, 0 to 65535; 0 for any free one
 * @param fwmark mark of the packets that carry the tunnel, 0 for none
 * @param encapsulation the protocol that carries sealed packets; with {@link Encapsulation#RAW} the
 *     port is that of all nodes, for the keying's messages
 * @param stateDirectory keeps the newest answered handshake timestamp, so that peers do not refuse
 *     this node after a clock reset at boot; null to keep none
 * @param keyLog receives the ephemeral private key of every handshake, which breaks forward
 *     secrecy, so only on an operator's demand; null for none
 * @param offloads the wishes for the kernel's offloads
 * @param inherited the descriptors of a predecessor, whose work this gateway continues; null for a
 *     gateway that begins
 * @param rehearsal for how long this gateway rehearses beside its work at most, from its start to
 *     its first traffic; 0 for not at all
 */
public record GatewayOptions(
    String interfaceName,
    int mtu,
    int lanes,
    int helpers,
    int port,
    int fwmark,
    Encapsulation encapsulation,
    @Nullable Path stateDirectory,
    @Nullable KeyLog keyLog,
    OffloadModes offloads,
    @Nullable Descriptors inherited,
    Duration rehearsal) {
  /** The room in an underlay of usual size, with IPv6 outside. */
  private static final int USUAL_ROOM = TunnelMtu.room(TunnelMtu.USUAL_LINK, false, true);

  private static final int WIREGUARD_MTU = WireGuardOverhead.INSTANCE.longestInner(USUAL_ROOM);
  private static final int ESP_MTU = EspOverhead.INSTANCE.longestInner(USUAL_ROOM);

  /** As many helpers as the machine has processors to spare. */
  public static final int BY_MACHINE = -1;

  /** The interface that is inherited keeps its MTU. */
  public static final int MTU_AS_IS = 0;

  private static final int MOST_LANES_BY_DEFAULT = 4;

  /**
   * The default's upper limit: with more helpers, the lane's own work limits a flow, not the
   * cipher.
   */
  private static final int MOST_HELPERS_BY_DEFAULT = 4;

  public GatewayOptions {
    boolean asIs = mtu == MTU_AS_IS && inherited != null;
    if (!asIs && !TunnelMtu.isValid(mtu)) {
      throw new IllegalArgumentException(
          "mtu " + mtu + " is outside " + TunnelMtu.SMALLEST + " to " + TunnelMtu.LARGEST);
    }
    if (lanes < 0 || lanes > 256) {
      throw new IllegalArgumentException("lanes " + lanes + " is outside 0 to 256");
    }
    if (helpers < BY_MACHINE || helpers > 64) {
      throw new IllegalArgumentException("helpers " + helpers + " is outside 0 to 64");
    }
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port " + port + " is outside 0 to 65535");
    }
  }

  /**
   * For a WireGuard device, which learns its port and mark when it is configured.
   *
   * @param mtu 0: 1420
   */
  public static GatewayOptions wireGuard(
      String interfaceName,
      int mtu,
      int lanes,
      int helpers,
      @Nullable Path stateDirectory,
      @Nullable KeyLog keyLog) {
    return new GatewayOptions(
        interfaceName,
        mtu == 0 ? WIREGUARD_MTU : mtu,
        lanes,
        helpers,
        0,
        0,
        Encapsulation.UDP,
        stateDirectory,
        keyLog,
        OffloadModes.AUTO,
        null,
        Duration.ZERO);
  }

  /**
   * For an ESP device.
   *
   * @param mtu 0: one that fits an underlay of 1500 bytes with IPv6 outside
   */
  public static GatewayOptions esp(
      String interfaceName,
      int mtu,
      int lanes,
      int helpers,
      int port,
      int fwmark,
      Encapsulation encapsulation) {
    return new GatewayOptions(
        interfaceName,
        mtu == 0 ? ESP_MTU : mtu,
        lanes,
        helpers,
        port,
        fwmark,
        encapsulation,
        null,
        null,
        OffloadModes.AUTO,
        null,
        Duration.ZERO);
  }

  /** These options with another {@code stateDirectory}. */
  public GatewayOptions keeping(@Nullable Path directory) {
    return with(mtu, directory, offloads, inherited, rehearsal);
  }

  /**
   * These options for a gateway that continues a predecessor's work.
   *
   * @param from null for one that begins
   * @param mtuAsIs whether the MTU of an inherited interface stays
   */
  public GatewayOptions continuing(@Nullable Descriptors from, boolean mtuAsIs) {
    int itsMtu = from != null && mtuAsIs ? MTU_AS_IS : mtu;
    return with(itsMtu, stateDirectory, offloads, from, rehearsal);
  }

  /** These options with other wishes for the kernel's offloads. */
  public GatewayOptions with(OffloadModes wanted) {
    return with(mtu, stateDirectory, wanted, inherited, rehearsal);
  }

  /** These options with another longest time for the rehearsal. */
  public GatewayOptions rehearsing(Duration most) {
    return with(mtu, stateDirectory, offloads, inherited, most);
  }

  /** A copy with all that can change. */
  private GatewayOptions with(
      int itsMtu,
      @Nullable Path directory,
      OffloadModes wanted,
      @Nullable Descriptors from,
      Duration most) {
    return new GatewayOptions(
        interfaceName,
        itsMtu,
        lanes,
        helpers,
        port,
        fwmark,
        encapsulation,
        directory,
        keyLog,
        wanted,
        from,
        most);
  }

  int effectiveLanes() {
    int processors = Runtime.getRuntime().availableProcessors();
    return lanes == 0 ? Math.min(processors, MOST_LANES_BY_DEFAULT) : lanes;
  }

  /**
   * The number of helpers: by default half of the processors without a lane, so that the rest is
   * left to applications.
   */
  int effectiveHelpers(int effectiveLanes) {
    int spare = Math.max(0, Runtime.getRuntime().availableProcessors() - effectiveLanes);
    return helpers == BY_MACHINE ? Math.min(spare / 2, MOST_HELPERS_BY_DEFAULT) : helpers;
  }
}
