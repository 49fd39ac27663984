package dev.culvert.cli.daemon;

import dev.culvert.cli.config.GatewayConfig;
import java.io.IOException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one gateway has the kernel hold: compiled from its configuration and from this machine as it
 * is, kept against other hands, and compiled anew when the machine changes. Closing leaves all in
 * place.
 */
final class Steered implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Steered.class);

  private final Network network;
  private final Network.Kept kept;
  private GatewayConfig config;
  private GatewayPlan plan;
  private int port;
  private boolean closed;

  private Steered(GatewayConfig config, Network network) throws IOException {
    this.config = config;
    this.network = network;
    plan = GatewayPlan.of(config, network, 0, List.of());
    kept = network.keep(plan.kernel(), this::hostChanged);
  }

  /**
   * Applies the plan, its guard first; from here on nothing of the cluster's leaves in clear.
   *
   * @throws IOException where the guard could not be had
   */
  static Steered start(GatewayConfig config, Network network) throws IOException {
    return new Steered(config, network);
  }

  synchronized GatewayPlan plan() {
    return plan;
  }

  /**
   * Applies a configuration.
   *
   * @param boundPort of the device, 0: none yet
   * @throws IOException where it cannot be: the kernel holds what it did
   */
  synchronized GatewayPlan apply(GatewayConfig wanted, int boundPort) throws IOException {
    GatewayPlan next = GatewayPlan.of(wanted, network, boundPort, plan.underlay());
    kept.update(next.kernel());
    config = wanted;
    port = boundPort;
    plan = next;
    return next;
  }

  /** On a thread of its own: the one that calls must go on for {@link #apply} to return. */
  private void hostChanged() {
    Thread.ofVirtual().name("replan").start(this::replan);
  }

  private synchronized void replan() {
    if (closed) {
      return;
    }
    try {
      GatewayPlan next = GatewayPlan.of(config, network, port, plan.underlay());
      if (!next.equals(plan)) {
        kept.update(next.kernel());
        plan = next;
        log.info("this machine's links or addresses changed: steered and guarded anew");
      }
    } catch (IOException | RuntimeException e) {
      log.error("this machine changed and the plan did not follow: {}", e.getMessage());
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    kept.close();
  }
}
