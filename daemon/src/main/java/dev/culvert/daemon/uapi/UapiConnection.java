// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import dev.culvert.daemon.socket.Conversation;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** One connection to the UAPI socket: any number of operations, each with its answer. */
final class UapiConnection implements Conversation {
  private static final EventLog log = EventLog.of(UapiConnection.class);

  private final WireGuardDevice device;
  private final String name;
  private final UapiReader lines;
  private final UapiWriter writer;

  /** A conversation about {@code device}. */
  UapiConnection(WireGuardDevice device, InputStream in, OutputStream out) {
    this.device = device;
    name = device.tunnel().interfaceName();
    lines = new UapiReader(in);
    writer = new UapiWriter(out);
  }

  @Override
  public boolean serve() throws IOException {
    lines.beginOperation();
    boolean known = false;
    int errno = 0;
    try {
      if (!lines.advance()) {
        return false;
      }
      known = lines.is("get=1") || lines.is("set=1");
      if (lines.is("get=1")) {
        get();
      } else if (lines.is("set=1")) {
        set();
      } else {
        throw UapiException.protocol("neither get=1 nor set=1");
      }
    } catch (UapiException e) {
      log.per(name)
          .warn(
              LogEvent.UAPI_REFUSED,
              "{}: UAPI: {}",
              Field.tunnel(name),
              Field.reason(e.getMessage()));
      errno = e.errno();
    } catch (DeviceException e) {
      log.per(name)
          .warn(LogEvent.UAPI_REFUSED, "{}: {}", Field.tunnel(name), Field.reason(e.getMessage()));
      errno = e.errno();
    } catch (RuntimeException e) {
      log.per(name)
          .failure(LogEvent.UAPI_FAILED, e, "{}: UAPI operation failed", Field.tunnel(name));
      errno = UapiException.EIO;
    }
    boolean inStep = known && (errno == 0 || skipRest());
    writer.end(errno);
    return inStep;
  }

  private void get() throws IOException, UapiException {
    if (!lines.advance() || !lines.isEmpty()) {
      throw UapiException.invalid("get=1 takes no lines");
    }
    try (DeviceSnapshot snapshot = device.snapshot()) {
      writer.device(snapshot, device.tunnel().listenPort(), device.tunnel().fwmark());
    }
  }

  private void set() throws IOException, UapiException {
    try (UapiSetParser parser = new UapiSetParser(lines)) {
      device.configure(parser.parse());
    }
  }

  /**
   * Reads on to the empty line that ends a refused operation; returns false if the stream is out of
   * step.
   */
  private boolean skipRest() throws IOException {
    try {
      lines.endLimit(); // a client that still sends may not see the answer
      while (!lines.isEmpty()) {
        if (!lines.advance()) {
          return false;
        }
      }
      return true;
    } catch (UapiException e) {
      return false; // too long or cut off: the connection ends
    }
  }

  @Override
  public void close() {
    lines.close();
  }
}
