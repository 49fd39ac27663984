// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.steer.GuardReading;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.gateway.GatewayStatus;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A gateway at one moment, as metrics and health show it. Has no secret.
 *
 * @param version of this program
 * @param at the wall time, in seconds since 1970
 * @param config in force
 * @param engine null if the control thread did not answer
 * @param lanes the packet-moving threads
 * @param guard null if the configuration has none
 * @param repairs null if the configuration has no guard
 * @param keys null except for ESP, or if the control thread did not answer
 * @param controlPlane null if the nodes do not come from the Kubernetes API
 * @param publicKey of this node; null if the engine has none, or the control thread did not answer
 * @param applied changes of the nodes that are in force
 * @param handovers of this gateway from process to process
 * @param suppressedLines of the log that were left out
 * @param failure why the tunnel has ended, null if it works
 */
public record Reading(
    String version,
    double at,
    GatewayConfig config,
    int listenPort,
    GatewayStatus status,
    @Nullable EngineReading engine,
    List<Lane> lanes,
    @Nullable GuardReading guard,
    @Nullable Repairs repairs,
    @Nullable KeysReading keys,
    @Nullable ControlPlaneView controlPlane,
    @Nullable String publicKey,
    Reload reload,
    Applied applied,
    Handovers handovers,
    long suppressedLines,
    @Nullable String failure) {
  public Reading {
    lanes = List.copyOf(lanes);
  }

  /**
   * A lane's thread.
   *
   * @param silentSeconds for which it has not answered; 0 if it does
   * @param busy share of one processor that it used lately; NaN while that is not known
   */
  public record Lane(int index, double silentSeconds, double busy) {
    /** Whether the thread has been silent for so long that it moves no packets. */
    boolean isStuck() {
      return silentSeconds >= Health.STUCK.toSeconds();
    }
  }

  /** Entries of the kernel that were repaired. */
  public record Repairs(long routing, long nft) {
    public static final Repairs NONE = new Repairs(0, 0);

    /** These and others. */
    public Repairs plus(Repairs more) {
      return new Repairs(routing + more.routing, nft + more.nft);
    }
  }

  /**
   * The hand-overs of a gateway, over all its processes.
   *
   * @param ok after which sessions continued
   * @param fresh after which there were new handshakes
   * @param failed after which the former process went on
   * @param gapSeconds for which no packet moved in the last one; NaN before the first
   */
  public record Handovers(long ok, long fresh, long failed, double gapSeconds) {
    public static final Handovers NONE = new Handovers(0, 0, 0, Double.NaN);

    /** With one more that was done. */
    public Handovers done(boolean withSessions, Duration gap) {
      return new Handovers(
          ok + (withSessions ? 1 : 0), fresh + (withSessions ? 0 : 1), failed, gap.toNanos() / 1e9);
    }

    /** With one more that failed. */
    public Handovers withFailed() {
      return new Handovers(ok, fresh, failed + 1, gapSeconds);
    }
  }

  /**
   * Changes of the nodes.
   *
   * @param count since the start
   * @param seconds from the reading of each until it was in force, in sum
   */
  public record Applied(long count, double seconds) {
    public static final Applied NONE = new Applied(0, 0);

    /** With one more, which took so many nanoseconds. */
    public Applied plus(long nanos) {
      return new Applied(count + 1, seconds + nanos / 1e9);
    }
  }

  /**
   * The reading of the configuration and of the file of nodes.
   *
   * @param successful whether the last one of each was accepted
   * @param acceptedAt when one was last accepted, in seconds since 1970
   */
  public record Reload(boolean successful, double acceptedAt) {}
}
