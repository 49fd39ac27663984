package dev.culvert.cli.daemon;

import dev.culvert.cli.admin.EspView.GlobalKeyView;
import dev.culvert.cli.config.DesiredEsp;
import dev.culvert.tunnel.esp.keying.GlobalKeying;
import dev.culvert.tunnel.esp.keying.KeyFile;
import dev.culvert.tunnel.esp.keying.KeyFileException;
import dev.culvert.tunnel.esp.keying.RotationRefusedException;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.KeyFileReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the global key's file. It is looked at every second, through symbolic links: a mounted
 * Kubernetes secret changes by swapping one above the file, which a watch of the file would not
 * see.
 */
final class KeyFileWatch implements EspKeys {
  private static final Logger LOG = LoggerFactory.getLogger(KeyFileWatch.class);
  private static final Duration INTERVAL = Duration.ofSeconds(1);

  private final EspDevice<GlobalKeying> device;
  private final Path file;
  private final Thread thread;
  private String seen;
  private @Nullable String refusal;
  private volatile boolean closed;

  private KeyFileWatch(EspDevice<GlobalKeying> device, Path file) {
    this.device = device;
    this.file = file;
    // Not what it is now: it may have changed since it was read, and reading it again is harmless.
    seen = "";
    thread = Thread.ofVirtual().name(device.interfaceName() + "-keys").unstarted(this::run);
  }

  static KeyFileWatch start(EspDevice<GlobalKeying> device, Path file) {
    KeyFileWatch watch = new KeyFileWatch(device, file);
    watch.thread.start();
    return watch;
  }

  private void run() {
    try {
      while (!closed) {
        Thread.sleep(INTERVAL);
        look();
      }
    } catch (InterruptedException e) {
      LOG.debug("{}: the key file is no longer watched", device.interfaceName());
    }
  }

  @Override
  public boolean prepare(DesiredEsp wanted) {
    return wanted.keys() instanceof DesiredEsp.Keys.Global global && global.path().equals(file);
  }

  @Override
  public synchronized void look() {
    String now = version();
    if (!now.equals(seen)) {
      seen = now;
      take();
    }
  }

  /** Changes whenever the file does, and where another takes its place. */
  private String version() {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return attributes.fileKey()
          + " "
          + attributes.lastModifiedTime()
          + " "
          + attributes.size()
          + " "
          + Files.getPosixFilePermissions(file);
    } catch (IOException e) {
      return e.toString();
    }
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
            "{}: key {} is published from {}, after key {}",
            device.interfaceName(),
            published,
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
    LOG.error("{}: the keys in use stay: {}", device.interfaceName(), reason);
  }

  @Override
  public synchronized GlobalKeyView view() throws DeviceException {
    String refused = refusal;
    return device.keying(
        (keying, now) ->
            GlobalKeyView.of(
                file.toString(),
                refused,
                keying.publishedKey(),
                keying.heldKeys(),
                keying.pairs()));
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
