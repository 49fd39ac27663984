// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.lane.SegmentationSwitch;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.port.Offload.Mode;
import dev.culvert.tunnel.port.Offload.State;
import dev.culvert.tunnel.port.OffloadModes;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.port.Tun;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The kernel's offloads that a gateway uses, and why it does not use the others. Thread-safe. */
final class OffloadUse {
  private final OffloadModes modes;
  private final Tun tun;
  private final Underlay underlay;
  private final SegmentationSwitch segmentation;

  /**
   * @param modes at the start; that of the segmentation is the switch's from then on
   */
  OffloadUse(OffloadModes modes, Tun tun, Underlay underlay, SegmentationSwitch segmentation) {
    this.modes = modes;
    this.tun = tun;
    this.underlay = underlay;
    this.segmentation = segmentation;
  }

  /** The state of each offload. */
  Map<Offload, State> states() {
    Map<Offload, State> states = new EnumMap<>(Offload.class);
    for (Offload offload : Offload.values()) {
      states.put(offload, state(offload));
    }
    return states;
  }

  /** The names of those in use, for people. */
  List<String> inUse() {
    return Arrays.stream(Offload.values())
        .filter(offload -> state(offload) == State.IN_USE)
        .map(Offload::text)
        .toList();
  }

  private State state(Offload offload) {
    if (mode(offload) == Mode.OFF) {
      return State.CONFIGURED;
    }
    if (!isGranted(offload)) {
      return State.NOT_GRANTED;
    }
    return offload == Offload.UDP_SEGMENTATION && segmentation.isSuspended(System.nanoTime())
        ? State.KERNEL_GSO_BUG
        : State.IN_USE;
  }

  private Mode mode(Offload offload) {
    return offload == Offload.UDP_SEGMENTATION ? segmentation.mode() : modes.of(offload);
  }

  private boolean isGranted(Offload offload) {
    SocketPort socket = underlay.first();
    return switch (offload) {
      case TUN_TSO -> tun.offloads().tso();
      case TUN_USO -> tun.offloads().uso();
      case UDP_SEGMENTATION -> socket != null && socket.segmentation();
      case UDP_GRO -> socket != null && socket.coalescing();
    };
  }

  /**
   * Fails if an offload has to be on and is not granted.
   *
   * @throws DeviceException EOPNOTSUPP
   */
  void check() throws DeviceException {
    for (Offload offload : Offload.values()) {
      check(offload, mode(offload));
    }
  }

  private void check(Offload offload, Mode wanted) throws DeviceException {
    if (wanted == Mode.ON && !isGranted(offload)) {
      throw new DeviceException(
          "offload."
              + offload.key()
              + " is on, but the kernel does not grant it here; with auto the gateway does without",
          Errno.EOPNOTSUPP);
    }
  }

  void useSegmentation(Mode mode) throws DeviceException {
    if (mode != segmentation.mode()) {
      check(Offload.UDP_SEGMENTATION, mode);
      segmentation.use(mode);
    }
  }
}
