// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.handover;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.daemon.socket.Handed;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.port.OfFamilies;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A gateway that moves nothing, and notes its orders. */
final class FakeGateway implements HandoverServer.Gateway, AutoCloseable {
  static final String STATE = "all keys and counters";

  private final int queue = LIBC.eventfd(0, LibC.EFD_CLOEXEC);
  private final List<String> told = new CopyOnWriteArrayList<>();
  private volatile boolean unsteady;

  /** The calls so far, in order. */
  List<String> told() {
    return List.copyOf(told);
  }

  /** From now on its guard cannot be kept again. */
  void loseNft() {
    unsteady = true;
  }

  @Override
  public String interfaceName() {
    return "cv0";
  }

  @Override
  public String engine() {
    return "wireguard";
  }

  @Override
  public Parcel freeze() {
    told.add("freeze");
    return new Parcel(
        new Descriptors(List.of(queue), OfFamilies.NONE, OfFamilies.NONE),
        Handed.NOTHING,
        Handed.NOTHING);
  }

  @Override
  public void thaw() throws IOException {
    if (unsteady) {
      throw new IOException("nft is gone");
    }
    told.add("thaw");
  }

  @Override
  public void pause(StateWriter out) {
    told.add("pause");
    out.text(STATE);
  }

  @Override
  public void takeBack(@Nullable String doubt) {
    told.add(doubt == null ? "take back" : "take back in doubt");
  }

  @Override
  public void leave(long successor) {
    told.add("leave");
  }

  @Override
  public void failed(long successor) {
    told.add("failed");
  }

  @Override
  public void giveUp(String reason) {
    told.add("give up: " + reason);
  }

  @Override
  public void close() {
    LIBC.close(queue);
  }
}
