// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

/**
 * A peer's endpoint as it was written: numeric, or a name that is resolved while the gateway runs.
 *
 * @param host an address without brackets, or a name
 * @param port 1 to 65535
 * @param place its place in the file, for errors at resolution
 */
public record HostPort(String host, int port, Place place) {
  /** Whether a name service has to be asked. */
  public boolean isName() {
    return host.indexOf(':') < 0 && !Values.isAddress(host);
  }

  @Override
  public String toString() {
    return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
  }
}
