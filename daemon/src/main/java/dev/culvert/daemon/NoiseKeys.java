package dev.culvert.daemon;

import dev.culvert.daemon.admin.EspView.KeyingView;
import dev.culvert.daemon.admin.EspView.NoiseView;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.tunnel.esp.noise.NoiseKeying;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;

/** Keys from handshakes: who the peers are changes with every reload, who this node is does not. */
record NoiseKeys(EspDevice<NoiseKeying> device) implements EspKeys {
  @Override
  public boolean prepare(DesiredEsp wanted) throws DeviceException {
    if (!(wanted.keys() instanceof DesiredEsp.Keys.Noise noise)) {
      return false;
    }
    return device.keying(
        (keying, now) -> {
          if (!keying.publicKey().equals(noise.publicKey())) {
            return false;
          }
          keying.keys(noise.peers());
          return true;
        });
  }

  @Override
  public void look() {
    // What files say was read with the configuration.
  }

  @Override
  public KeyingView view() throws DeviceException {
    return device.keying((keying, now) -> new NoiseView(keying.publicKey(), keying.peerStatus()));
  }

  @Override
  public void close() {
    // Nothing runs.
  }
}
