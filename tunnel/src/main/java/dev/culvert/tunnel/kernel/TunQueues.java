// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.nio.ByteBuffer;
import java.util.Map;

/**
 * The queues of a TUN device as the kernel counts them: one for each attached descriptor.
 *
 * @param count 0 if the kernel does not tell: it counts only the queues of multi-queue devices,
 *     since Linux 4.20
 * @param owned whether attaching takes the owner's user or CAP_NET_ADMIN; without an owner any
 *     local process may join, read packets and write some
 */
public record TunQueues(int count, boolean owned) {
  private static final int IFLA_TUN_OWNER = 1;
  private static final int IFLA_TUN_NUM_QUEUES = 8;
  private static final int IFLA_TUN_NUM_DISABLED_QUEUES = 9;

  /** Reads the attributes nested in IFLA_INFO_DATA. */
  static TunQueues of(Map<Integer, ByteBuffer> attributes) {
    // The process that holds a detached queue may attach it again, so those count too.
    return new TunQueues(
        NetlinkMessage.integer(attributes.get(IFLA_TUN_NUM_QUEUES), 0)
            + NetlinkMessage.integer(attributes.get(IFLA_TUN_NUM_DISABLED_QUEUES), 0),
        attributes.containsKey(IFLA_TUN_OWNER));
  }
}
