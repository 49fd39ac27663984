package dev.culvert.routing.plan;

import dev.culvert.routing.TrafficClass;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What the guard's counters are called: by who counts, and by who reads what was counted. */
public final class GuardCounters {
  public static final String ENCAPSULATION_OUT = "encapsulation_out";
  public static final String ENCAPSULATION_IN = "encapsulation_in";
  public static final String NEIGHBOUR_DISCOVERY_OUT = "neighbour_discovery_out";
  public static final String NEIGHBOUR_DISCOVERY_IN = "neighbour_discovery_in";

  /** What the gateway itself sends in clear. It may meet another counter as well. */
  public static final String BYPASS_OUT = "bypass_out";

  /** To or from an address of the cluster's, of no class. */
  public static final String UNKNOWN_OUT = "unknown_out";

  public static final String UNKNOWN_IN = "unknown_in";

  /** From another node, to an address of the cluster's that another one was translated to. */
  public static final String TRANSLATED_IN = "translated_in";

  /** A network plugin's overlay, sent to whoever listens. */
  public static final String OVERLAY_OUT = "overlay_out";

  /** What a network plugin's overlay had brought through the tunnel. */
  public static final String OVERLAY_IN = "overlay_in";

  /** What left past the hooks of IP: counted in the family netdev. */
  public static final String LINK_OUT = "link_out";

  private static final List<String> FORMS =
      List.of("request_out", "reply_out", "request_in", "reply_in");

  private GuardCounters() {}

  public static String of(TrafficClass traffic, boolean out) {
    return traffic.toString().replace('-', '_') + (out ? "_out" : "_in");
  }

  /** Those of an exemption: requests and replies, at either end. */
  public static List<String> exempt(String exemption) {
    return FORMS.stream().map(form -> exempt(exemption, form)).toList();
  }

  static String exempt(String exemption, String form) {
    return "exempt_" + exemption.replace('-', '_') + "_" + form;
  }

  /** All that a guard of the family inet has, used or not. */
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
