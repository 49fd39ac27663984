package dev.culvert.cli.config;

/**
 * A peer's endpoint as it was written: numeric, or a name that is resolved when the gateway comes
 * up.
 *
 * @param host an address without brackets, or a name
 * @param port 1 to 65535
 * @param place where it stands, for errors at resolution
 */
public record HostPort(String host, int port, Place place) {
  @Override
  public String toString() {
    return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
  }
}
