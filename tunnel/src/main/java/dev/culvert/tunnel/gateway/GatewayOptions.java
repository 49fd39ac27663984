package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.noise.KeyLog;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How to open a gateway.
 *
 * @param interfaceName the TUN device's name, 1 to 15 characters
 * @param mtu the tunnel's MTU, 576 to 65535, or 0 for 1420
 * @param lanes packet-moving threads, 1 to 256, or 0 to choose by the machine
 * @param helpers threads that share the lanes' ciphering, 0 to 64, or {@link #BY_MACHINE}
 * @param stateDirectory where the newest answered handshake timestamp is kept, so that a clock
 *     reset at boot does not lock this node out; null: not kept
 * @param keyLog told the ephemeral private key of every handshake, which breaks forward secrecy: to
 *     be forgotten unless an operator has asked for it; null for none
 */
public record GatewayOptions(
    String interfaceName,
    int mtu,
    int lanes,
    int helpers,
    @Nullable Path stateDirectory,
    @Nullable KeyLog keyLog) {
  public static final int DEFAULT_MTU = 1420;

  /** As many helpers as the machine has processors to spare. */
  public static final int BY_MACHINE = -1;

  private static final int MOST_LANES_BY_DEFAULT = 4;

  /** With more, one flow is bound by what its lane does alone, not by the cipher. */
  private static final int MOST_HELPERS_BY_DEFAULT = 4;

  public GatewayOptions {
    if (mtu != 0 && (mtu < 576 || mtu > 65_535)) {
      throw new IllegalArgumentException("mtu " + mtu + " is outside 576 to 65535");
    }
    if (lanes < 0 || lanes > 256) {
      throw new IllegalArgumentException("lanes " + lanes + " is outside 0 to 256");
    }
    if (helpers < BY_MACHINE || helpers > 64) {
      throw new IllegalArgumentException("helpers " + helpers + " is outside 0 to 64");
    }
  }

  int effectiveMtu() {
    return mtu == 0 ? DEFAULT_MTU : mtu;
  }

  int effectiveLanes() {
    int processors = Runtime.getRuntime().availableProcessors();
    return lanes == 0 ? Math.min(processors, MOST_LANES_BY_DEFAULT) : lanes;
  }

  /** Half of the processors that no lane has: the rest is the applications'. */
  int effectiveHelpers(int effectiveLanes) {
    int spare = Math.max(0, Runtime.getRuntime().availableProcessors() - effectiveLanes);
    return helpers == BY_MACHINE ? Math.min(spare / 2, MOST_HELPERS_BY_DEFAULT) : helpers;
  }
}
