package dev.culvert.routing;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * What takes packets past the guard, wholly or in part. Strict configurations are refused on a
 * machine that has one, unless they accept it by its name.
 */
public enum BlindSpot {
  NO_NETDEV_EGRESS("without nftables' egress hook, the guard does not see packets past IP's hooks"),
  MACVLAN("what such a device receives and sends never meets the hooks of this host's IP"),
  IPVLAN("what such a device receives and sends never meets the hooks of this host's IP"),
  BRIDGE("frames are bridged between its ports without meeting the hooks of this host's IP"),
  OPENVSWITCH("its flows pass packets between ports without meeting the hooks of this host's IP"),
  FLOWTABLE("flows in it are forwarded past the hooks of this host's IP"),
  XDP("such a program may send packets on before they meet the hooks of this host's IP"),
  /** Accepted, it passes; else the guard drops it, and nobody is refused for it. */
  MULTICAST_OVERLAY("an overlay's packets to a group go to whoever listens, sealed for nobody"),
  CILIUM("its programs take packets past the guard; remove it, or use its own encryption"),
  CALICO_EBPF("its programs take packets past the guard; use Calico's iptables or nftables mode"),
  OVN("its flows take packets past the guard"),
  ANTREA("without encapsulation its flows take packets past the guard");

  /**
   * One that is there.
   *
   * @param traces of it, for people
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

  /** The one of that name. */
  public static Optional<BlindSpot> of(String name) {
    return Arrays.stream(values()).filter(spot -> spot.toString().equals(name)).findFirst();
  }

  /** As configurations name it: {@code no-netdev-egress}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
