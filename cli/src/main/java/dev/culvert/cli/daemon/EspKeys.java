package dev.culvert.cli.daemon;

import dev.culvert.cli.admin.EspView.GlobalKeyView;
import dev.culvert.cli.config.DesiredEsp;
import dev.culvert.tunnel.esp.keying.GlobalKeying;
import dev.culvert.tunnel.esp.keying.ManualKeying;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.EspGatewayOptions;
import java.io.IOException;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/** What becomes of an ESP device's keys while it runs. */
sealed interface EspKeys extends AutoCloseable permits KeyFileWatch, EspKeys.Fixed {
  /** A device, and what looks after its keys. */
  record Opened(EspDevice<?> device, EspKeys keys) {}

  /** Makes the keying of {@code desired}, and the device around it. */
  static Opened open(Machine machine, EspGatewayOptions options, DesiredEsp desired)
      throws IOException {
    return switch (desired.keys()) {
      case DesiredEsp.Keys.Global global -> {
        EspDevice<GlobalKeying> device =
            machine
                .espDevices()
                .open(
                    options,
                    new GlobalKeying(global.file(), desired.esp().esn(), new SecureRandom()));
        yield new Opened(device, KeyFileWatch.start(device, global.path()));
      }
      case DesiredEsp.Keys.Manual manual ->
          new Opened(
              machine
                  .espDevices()
                  .open(
                      options,
                      new ManualKeying(
                          manual.copyOfInbound(),
                          manual.copyOfOutbound(),
                          machine.sequenceFiles())),
              new Fixed());
    };
  }

  /** Takes in what changed, where something can. */
  void look();

  /** How the rotation goes, null where there is none. */
  @Nullable GlobalKeyView view() throws DeviceException;

  @Override
  void close();

  /** Keys that never change. */
  record Fixed() implements EspKeys {
    @Override
    public void look() {
      // Nothing that could be new.
    }

    @Override
    public @Nullable GlobalKeyView view() {
      return null;
    }

    @Override
    public void close() {
      // Nothing runs.
    }
  }
}
