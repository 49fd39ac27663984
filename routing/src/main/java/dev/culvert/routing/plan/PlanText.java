// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.IpProtocol;
import org.jspecify.annotations.Nullable;

/** A plan as text for people: the {@code ip} and {@code nft} commands that would apply it. */
public final class PlanText {

  private PlanText() {}

  /** The whole plan as a shell script. */
  public static String of(KernelPlan plan) {
    StringBuilder text = new StringBuilder();
    text.append("nft -f - <<'EOF'\n").append(GuardText.of(plan.guard())).append("EOF\n");
    if (!plan.guard().physical().isEmpty()) {
      String linkLayer = LinkGuardText.of(plan.guard(), plan.guard().physical(), 0, 0);
      text.append("nft -f - <<'EOF'\n").append(linkLayer).append("EOF\n");
    }
    plan.sysctls()
        .forEach(sysctl -> line(text, "sysctl -w " + sysctl.key() + "=" + sysctl.value()));
    plan.links()
        .forEach(link -> line(text, "ip link set " + link.name() + " mtu " + link.mtu() + " up"));
    plan.addresses().forEach(address -> line(text, of(address)));
    plan.routes().forEach(route -> line(text, of(route)));
    plan.rules().forEach(rule -> line(text, of(rule)));
    return text.toString();
  }

  private static void line(StringBuilder text, String line) {
    text.append(line).append('\n');
  }

  private static String of(AddressPlan plan) {
    return "ip address replace %s/%d dev %s"
        .formatted(plan.address(), plan.length(), plan.device());
  }

  public static String of(RoutePlan route) {
    boolean v4 = route.destination().address().v4();
    return (v4 ? "ip -4" : "ip -6")
        + " route replace "
        + switch (route.kind()) {
          case TO_DEVICE -> "";
          case UNREACHABLE -> "unreachable ";
          case THROW -> "throw ";
        }
        + (route.destination().length() == 0 ? "default" : route.destination())
        + given(" dev ", route.device())
        + " table "
        + route.table()
        + given(" src ", route.source())
        + " metric "
        + route.metric()
        + (route.mtu() == 0 ? "" : " mtu " + route.mtu());
  }

  public static String of(RulePlan rule) {
    return (rule.v4() ? "ip -4" : "ip -6")
        + " rule add priority "
        + rule.priority()
        + given(" from ", rule.source())
        + given(" to ", rule.destination())
        + (rule.local() ? " iif lo" : "")
        + given(" fwmark ", rule.mark())
        + (rule.protocol() == 0 ? "" : " ipproto " + protocol(rule.protocol()))
        + given(" sport ", rule.sourcePorts())
        + given(" dport ", rule.destinationPorts())
        + switch (rule.table()) {
          case RulePlan.UNREACHABLE -> " unreachable";
          case PlanCompiler.MAIN -> " lookup main";
          default -> " lookup " + rule.table();
        };
  }

  private static String protocol(int protocol) {
    return switch (protocol) {
      case IpProtocol.TCP -> "tcp";
      case IpProtocol.UDP -> "udp";
      default -> Integer.toString(protocol);
    };
  }

  private static String given(String word, @Nullable Object value) {
    return value == null ? "" : word + value;
  }
}
