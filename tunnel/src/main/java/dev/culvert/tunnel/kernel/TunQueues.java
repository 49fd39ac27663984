package dev.culvert.tunnel.kernel;

import java.nio.ByteBuffer;
import java.util.Map;

/**
 * The queues of a TUN device, as the kernel counts them: one for each descriptor that is attached.
 *
 * @param count 0 when the kernel does not say: it counts those of devices for several only, and
 *     from Linux 4.20 on
 * @param owned whether attaching takes the owner's user or CAP_NET_ADMIN; without an owner any
 *     local process may join, read packets and write some
 */
public record TunQueues(int count, boolean owned) {
  private static final int IFLA_TUN_OWNER = 1;
  private static final int IFLA_TUN_NUM_QUEUES = 8;
  private static final int IFLA_TUN_NUM_DISABLED_QUEUES = 9;

  /** Reads what is nested in IFLA_INFO_DATA. */
  static TunQueues of(Map<Integer, ByteBuffer> attributes) {
    // A queue that is switched off may be switched on again by whoever holds it.
    return new TunQueues(
        NetlinkMessage.integer(attributes.get(IFLA_TUN_NUM_QUEUES), 0)
            + NetlinkMessage.integer(attributes.get(IFLA_TUN_NUM_DISABLED_QUEUES), 0),
        attributes.containsKey(IFLA_TUN_OWNER));
  }
}
