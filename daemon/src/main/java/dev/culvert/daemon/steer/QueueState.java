// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.GatewayView.TrafficView;
import dev.culvert.tunnel.kernel.TunQueues;
import java.io.IOException;

/**
 * Whether a process other than the gateway reads packets from pods: a process that joins the queues
 * of its TUN device gets some of the flows in clear.
 *
 * @param here whether the device is in this network namespace
 * @param fault empty if no other process reads them
 */
public record QueueState(boolean here, String fault) {
  /** Counts the queues of a gateway that runs. */
  public static QueueState of(GatewayView gateway, Network network) throws IOException {
    String name = gateway.interfaceName();
    TunQueues queues = network.tunQueues(name).orElse(null);
    if (queues == null) {
      return new QueueState(false, "");
    }
    TrafficView traffic = gateway.traffic();
    String fault = "";
    if (!queues.owned()) {
      fault = name + " has no owner: any local user may join its queues";
    } else if (traffic != null && queues.count() > traffic.lanes()) {
      fault = name + " has " + queues.count() + " queues for " + traffic.lanes() + " lanes";
    }
    return new QueueState(true, fault);
  }
}
