// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.handover.HandoverServer;
import dev.culvert.daemon.handover.Parcel;
import dev.culvert.tunnel.engine.StateWriter;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A gateway from a configuration file, as it is handed over to another process. */
final class GatewayHandover implements HandoverServer.Gateway {
  private final GatewayDaemon daemon;

  GatewayHandover(GatewayDaemon daemon) {
    this.daemon = daemon;
  }

  @Override
  public String interfaceName() {
    return daemon.interfaceName();
  }

  @Override
  public String engine() {
    return engine(daemon.state().config());
  }

  /** The engine by which both processes tell whether they can share a state. */
  static String engine(GatewayConfig config) {
    return config.engine() instanceof EspConfig ? "esp" : "wireguard";
  }

  /** The cipher of the engine's sessions. */
  static AeadAlgorithm cipher(GatewayConfig config) {
    return config.engine() instanceof EspConfig
        ? AeadAlgorithm.AES_GCM
        : AeadAlgorithm.CHACHA20_POLY1305;
  }

  private Running running() {
    return daemon.state().requireRunning();
  }

  @Override
  public Parcel freeze() throws IOException {
    daemon.freeze();
    return new Parcel(
        running().tunnel().descriptors(), daemon.admin().handOver(), running().handOverUapi());
  }

  @Override
  public void thaw() throws IOException {
    running().resumeUapi();
    daemon.admin().resume();
    daemon.thaw();
  }

  @Override
  public void pause(StateWriter out) throws IOException {
    daemon.observation().save(out);
    running().pause(out);
  }

  @Override
  public void takeBack(@Nullable String doubt) throws IOException {
    running().tunnel().takeBack(doubt);
  }

  @Override
  public void leave(long successor) {
    daemon.leave(successor);
  }

  @Override
  public void failed(long successor) {
    daemon.observation().handoverFailed(successor);
  }

  @Override
  public void giveUp(String reason) {
    daemon.giveUp(reason);
  }
}
