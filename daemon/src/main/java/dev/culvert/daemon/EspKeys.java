package dev.culvert.daemon;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.daemon.admin.EspView.KeyingView;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.tunnel.esp.global.GlobalKeying;
import dev.culvert.tunnel.esp.manual.ManualKeying;
import dev.culvert.tunnel.esp.noise.NoiseKeying;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import java.io.IOException;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/** What becomes of an ESP device's keys while it runs. */
sealed interface EspKeys extends AutoCloseable permits KeyFileWatch, NoiseKeys, EspKeys.Fixed {
  /** A device, and what looks after its keys. */
  record Opened(EspDevice<?> device, EspKeys keys) {}

  /** Makes the keying of {@code desired}, and the device around it. */
  static Opened open(Machine machine, GatewayOptions options, DesiredEsp desired)
      throws IOException {
    return switch (desired.keys()) {
      case DesiredEsp.Keys.Global global -> {
        EspDevice<GlobalKeying> device =
            machine
                .tunnels()
                .esp(
                    options,
                    new GlobalKeying(global.file(), desired.esp().esn(), new SecureRandom()));
        yield new Opened(device, KeyFileWatch.start(device, global.path()));
      }
      case DesiredEsp.Keys.Noise noise -> {
        EspDevice<NoiseKeying> device =
            machine
                .tunnels()
                .esp(
                    options,
                    new NoiseKeying(
                        noise.privateKey(),
                        AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305),
                        new SecureRandom(),
                        null));
        yield new Opened(device, new NoiseKeys(device));
      }
      case DesiredEsp.Keys.Manual manual ->
          new Opened(
              machine
                  .tunnels()
                  .esp(
                      options,
                      new ManualKeying(
                          manual.copyOfInbound(),
                          manual.copyOfOutbound(),
                          machine.sequenceFiles())),
              new Fixed(desired.esp().keys()));
    };
  }

  /**
   * Gets ready for the peers that the device will be told of next; nothing changes before that.
   *
   * @return whether that can be: else it needs a new start
   */
  boolean prepare(DesiredEsp wanted) throws DeviceException;

  /** Takes in what changed, where something can. */
  void look();

  /** What there is to say of keys beside the SAs, or null. */
  @Nullable KeyingView view() throws DeviceException;

  @Override
  void close();

  /** Keys that never change. */
  record Fixed(EspConfig.Keys keys) implements EspKeys {
    @Override
    public boolean prepare(DesiredEsp wanted) {
      return wanted.esp().keys().equals(keys);
    }

    @Override
    public void look() {
      // Nothing that could be new.
    }

    @Override
    public @Nullable KeyingView view() {
      return null;
    }

    @Override
    public void close() {
      // Nothing runs.
    }
  }
}
