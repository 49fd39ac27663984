// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * A way for packets to pass the guard unseen, wholly or in part. Strict configurations are refused
 * on a machine that has one, unless they accept it by its name.
 */
public enum BlindSpot {
  NO_NETDEV_EGRESS("without nftables' egress hook, the guard does not see packets past IP's hooks"),
  MACVLAN("packets of such a device never meet the hooks of this host's IP"),
  IPVLAN("packets of such a device never meet the hooks of this host's IP"),
  BRIDGE("frames are bridged between its ports without meeting the hooks of this host's IP"),
  OPENVSWITCH("its flows pass packets between ports without meeting the hooks of this host's IP"),
  FLOWTABLE("flows in it are forwarded past the hooks of this host's IP"),
  XDP("such a program may send packets on before they meet the hooks of this host's IP"),
  /**
   * If accepted, these packets pass; else the guard drops them, so that the configuration need not
   * be refused.
   */
  MULTICAST_OVERLAY("an overlay's packets to a multicast group go in clear to every listener"),
  CILIUM("its programs take packets past the guard; remove it, or use its own encryption"),
  CALICO_EBPF("its programs take packets past the guard; use Calico's iptables or nftables mode"),
  OVN("its flows take packets past the guard"),
  ANTREA("without encapsulation its flows take packets past the guard");

  /**
   * A blind spot of this machine.
   *
   * @param traces its traces on the machine, as text for people
   */
  public record Found(BlindSpot spot, String traces) {
    @Override
    public String toString() {
      return spot + " (" + traces + "): " + spot.reason();
    }
  }

  private final String reason;

  BlindSpot(String reason) {
    this.reason = reason;
  }

  public String reason() {
    return reason;
  }

  /** The blind spot of that name. */
  public static Optional<BlindSpot> of(String name) {
    return Arrays.stream(values()).filter(spot -> spot.toString().equals(name)).findFirst();
  }

  /** Its name in configurations: {@code no-netdev-egress}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
