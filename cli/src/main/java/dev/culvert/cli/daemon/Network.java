package dev.culvert.cli.daemon;

import dev.culvert.cli.config.InterfaceAddress;
import dev.culvert.routing.Prefix;
import java.io.IOException;
import java.util.Collection;

/** What {@code culvert up} asks of the kernel besides the device. Every call may be repeated. */
public interface Network {
  /**
   * Makes {@code prefixes} unreachable unless a better route leads there. These routes hang on no
   * interface: they stay when the daemon dies, so that nothing then leaves in clear.
   */
  void guard(Collection<Prefix> prefixes) throws IOException;

  /** Takes guards away; those that are not there are no error. */
  void unguard(Collection<Prefix> prefixes) throws IOException;

  /**
   * Sets the link's MTU and addresses and brings it up.
   *
   * @param mtu 0: unchanged
   * @param added addresses that it shall have; it may have them already
   * @param removed addresses that it shall not have any more
   */
  void configureLink(
      String interfaceName,
      int mtu,
      Collection<InterfaceAddress> added,
      Collection<InterfaceAddress> removed)
      throws IOException;

  /** Routes {@code prefixes} through the link. */
  void route(String interfaceName, Collection<Prefix> prefixes) throws IOException;

  /** Takes our routes through the link away; those that are not there are no error. */
  void unroute(String interfaceName, Collection<Prefix> prefixes) throws IOException;
}
