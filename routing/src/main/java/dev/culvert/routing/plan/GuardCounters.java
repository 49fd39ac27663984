// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.TrafficClass;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The names of the guard's counters, shared by the guard's text and by the reader of its counts.
 */
public final class GuardCounters {
  public static final String ENCAPSULATION_OUT = "encapsulation_out";
  public static final String ENCAPSULATION_IN = "encapsulation_in";
  public static final String NEIGHBOUR_DISCOVERY_OUT = "neighbour_discovery_out";
  public static final String NEIGHBOUR_DISCOVERY_IN = "neighbour_discovery_in";

  /** Packets that the gateway itself sends in clear. Another counter may count them too. */
  public static final String BYPASS_OUT = "bypass_out";

  /** Packets to or from an address of the cluster that belong to no class. */
  public static final String UNKNOWN_OUT = "unknown_out";

  public static final String UNKNOWN_IN = "unknown_in";

  /** Packets from another node whose destination was translated to an address of the cluster. */
  public static final String TRANSLATED_IN = "translated_in";

  /** Multicast packets of a network plugin's overlay. */
  public static final String OVERLAY_OUT = "overlay_out";

  /** Packets that a network plugin's overlay took out of packets from the tunnel. */
  public static final String OVERLAY_IN = "overlay_in";

  /** Packets that left past the hooks of IP, counted in the family netdev. */
  public static final String LINK_OUT = "link_out";

  private static final List<String> FORMS =
      List.of("request_out", "reply_out", "request_in", "reply_in");

  private GuardCounters() {}

  public static String of(TrafficClass traffic, boolean out) {
    return traffic.toString().replace('-', '_') + (out ? "_out" : "_in");
  }

  /** The counters of an exemption: requests and replies, at either end. */
  public static List<String> exempt(String exemption) {
    return FORMS.stream().map(form -> exempt(exemption, form)).toList();
  }

  static String exempt(String exemption, String form) {
    return "exempt_" + exemption.replace('-', '_') + "_" + form;
  }

  /** All counters of a guard of the family inet, used or not. */
  public static List<String> all(Collection<String> exemptions) {
    List<String> names =
        new ArrayList<>(
            List.of(
                ENCAPSULATION_OUT,
                ENCAPSULATION_IN,
                NEIGHBOUR_DISCOVERY_OUT,
                NEIGHBOUR_DISCOVERY_IN,
                BYPASS_OUT,
                UNKNOWN_OUT,
                UNKNOWN_IN,
                TRANSLATED_IN,
                OVERLAY_OUT,
                OVERLAY_IN));
    for (TrafficClass traffic : TrafficClass.values()) {
      names.add(of(traffic, true));
      names.add(of(traffic, false));
    }
    exemptions.forEach(exemption -> names.addAll(exempt(exemption)));
    return names;
  }
}
