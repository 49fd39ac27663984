// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.EspView.GlobalKeyView;
import dev.culvert.daemon.admin.KeyingView;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.GlobalKeyMaterial;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.esp.global.GlobalKeying;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.KeyFileException;
import dev.culvert.tunnel.esp.global.RotationRefusedException;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.state.KeyFileReader;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/** Keying by a global key, whose file is watched. */
final class RunningGlobalKeying implements RunningKeying {
  private static final EventLog LOG = EventLog.of(RunningGlobalKeying.class);

  private final EspDevice<GlobalKeying> device;
  private final Path file;
  private final FileWatch watch;
  private volatile @Nullable String refusal;
  private volatile boolean closed;

  private RunningGlobalKeying(EspDevice<GlobalKeying> device, Path file) {
    this.device = device;
    this.file = file;
    watch = FileWatch.start(device.tunnel().interfaceName() + "-keys", file, this::take);
  }

  static RunningGlobalKeying open(
      Machine machine, GatewayOptions options, GlobalKeyMaterial keys, boolean esn)
      throws DeviceException {
    GlobalKeying keying = new GlobalKeying(keys.file(), esn, new SecureRandom());
    return new RunningGlobalKeying(machine.tunnels().esp(options, keying), keys.path());
  }

  @Override
  public EspDevice<GlobalKeying> device() {
    return device;
  }

  @Override
  public boolean prepare(DesiredEsp wanted) {
    return wanted.keys() instanceof GlobalKeyMaterial global && global.path().equals(file);
  }

  @Override
  public void look() {
    watch.look();
  }

  private void take() {
    try (KeyFile keys = KeyFileReader.read(file)) {
      int before =
          device.keying(
              (keying, now) -> {
                int published = keying.publishedKey();
                keying.rotate(keys, now);
                return published;
              });
      refusal = null;
      int published = keys.published().id();
      if (published != before) {
        LOG.info(
            LogEvent.ROTATION_STEP,
            "{}: key {} is published from {}, after key {}",
            Field.tunnel(device.tunnel().interfaceName()),
            Field.epoch(published),
            file,
            before);
      }
    } catch (KeyFileException e) {
      refuse(String.valueOf(e.getMessage()));
    } catch (DeviceException e) {
      if (e.getCause() instanceof RotationRefusedException refused) {
        refuse(file + ": " + refused.getMessage());
      } else if (!closed) {
        refuse(String.valueOf(e.getMessage()));
      }
    } catch (IOException e) {
      refuse(file + " cannot be read: " + e);
    }
  }

  private void refuse(String reason) {
    refusal = reason;
    LOG.error(
        LogEvent.ROTATION_REFUSED,
        "{}: the keys in use stay: {}",
        Field.tunnel(device.tunnel().interfaceName()),
        Field.reason(reason));
  }

  @Override
  public KeyingView view() throws DeviceException {
    String refused = refusal;
    return device.keying(
        (keying, now) ->
            KeyingView.of(
                GlobalKeyView.of(
                    file.toString(),
                    refused,
                    keying.publishedKey(),
                    keying.heldKeys(),
                    keying.pairs())));
  }

  @Override
  public void close() {
    closed = true;
    watch.close();
  }
}
