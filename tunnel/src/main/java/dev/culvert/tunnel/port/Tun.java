// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import java.io.IOException;
import java.util.List;

/** A TUN interface with one queue per lane, or a stand-in for one. */
public interface Tun extends AutoCloseable {
  /**
   * The length of each queue, in packets or super-packets. While the JVM compiles, a lane may pause
   * for a quarter of a second and more, but the kernel's default of 500 lasts for 40 ms of a burst.
   * A warm lane empties its queue so fast that a longer queue costs no latency.
   */
  int QUEUE_PACKETS = 5000;

  /** The name under which it was created; it may have been renamed since. */
  String name();

  /**
   * The current namespace and name of the device.
   *
   * @throws DeviceGoneException if it was deleted, in any namespace
   */
  TunPlace locate() throws IOException;

  /** Whether it is no interface, but takes the place of one in a rehearsal. */
  boolean standsIn();

  /** One port per queue. */
  List<TunPort> ports();

  /** The offloads that the kernel accepted. */
  TunOffloads offloads();

  /**
   * Sets the interface's MTU, in the namespace in which it was created.
   *
   * @param mtu in bytes, 68 to 65,535; IPv6 needs 1,280
   */
  void mtu(int mtu) throws IOException;

  /** Closes the queues, and with them the interface. The lanes must not use them any more. */
  @Override
  void close();
}
