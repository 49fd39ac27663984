package dev.culvert.cli.config;

import dev.culvert.cli.uapi.EndpointText;
import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * A peer's endpoint as it was written: numeric, or a name that is resolved while the gateway runs.
 *
 * @param host an address without brackets, or a name
 * @param port 1 to 65535
 * @param place where it stands, for errors at resolution
 */
public record HostPort(String host, int port, Place place) {
  /**
   * The endpoint, or null: it is a name.
   *
   * @throws ConfigException where its scope is no interface of this machine
   */
  @Nullable Endpoint numeric() throws ConfigException {
    if (host.indexOf(':') < 0 && !Character.isDigit(host.charAt(0))) {
      return null;
    }
    try {
      return EndpointText.parse(toString());
    } catch (IllegalArgumentException e) {
      if (host.indexOf(':') >= 0) {
        throw place.error(String.valueOf(e.getMessage()));
      }
      return null; // a name that starts with a digit
    }
  }

  /** Whether a name service has to be asked. */
  boolean isName() {
    return host.indexOf(':') < 0 && !Values.isAddress(host);
  }

  @Override
  public String toString() {
    return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
  }
}
