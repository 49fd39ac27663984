// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.GatewayView.TrafficView;
import dev.culvert.tunnel.port.Offload;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whether the kernel may damage UDP packets that it is to segment, as Linux 7.0 to 7.1.4 does, and
 * whether a gateway has noticed that it does.
 */
final class SegmentationCheck {
  private static final String SUBJECT = "segmentation";
  private static final String DEFECT = "the UDP segmentation defect of Linux 7.0 to 7.1.4";
  private static final String MENDED = "Linux 7.1.5 has it mended";

  private static final Pattern RELEASE =
      Pattern.compile("7\\.(\\d{1,4})(?:\\.(\\d{1,6}))?(?!\\d).*", Pattern.DOTALL);

  private SegmentationCheck() {}

  /**
   * The finding of this machine.
   *
   * @param release of the kernel, as in 7.1.4-1-generic; empty if it is not known
   * @param gateways that run here
   */
  static Finding finding(String release, Collection<GatewayView> gateways) {
    List<String> met =
        gateways.stream().filter(SegmentationCheck::loses).map(GatewayView::interfaceName).toList();
    if (!met.isEmpty()) {
      return Finding.warn(
          SUBJECT,
          String.join(", ", met)
              + " has met "
              + DEFECT
              + " (this kernel is "
              + release
              + "): it sends packets one by one, with more processor time",
          MENDED + "; if this kernel is another, update that of the hypervisor");
    }
    if (isSuspicious(release)) {
      return Finding.warn(
          SUBJECT,
          release + " may have " + DEFECT + ": pings pass and TCP through the tunnel crawls",
          MENDED
              + "; a gateway that meets it sends packets one by one, or set"
              + " offload.udpSegmentation: off");
    }
    return Finding.ok(
        SUBJECT,
        release + " does not have " + DEFECT + "; a guest may, through its hypervisor's kernel");
  }

  private static boolean loses(GatewayView gateway) {
    TrafficView traffic = gateway.traffic();
    return traffic != null
        && Objects.equals(
            traffic.offloadsOff().get(Offload.UDP_SEGMENTATION.text()),
            Offload.State.KERNEL_GSO_BUG.reason());
  }

  /** Whether it is of 7.0, or of 7.1 up to 7.1.4 with the candidates before it. */
  static boolean isSuspicious(String release) {
    Matcher version = RELEASE.matcher(release);
    if (!version.matches()) {
      return false;
    }
    int minor = Integer.parseInt(version.group(1));
    int patch = version.group(2) == null ? 0 : Integer.parseInt(version.group(2));
    return minor == 0 || (minor == 1 && patch <= 4);
  }
}
