package dev.culvert.daemon.config;

/** Checks interface names that come from a command line. */
public final class InterfaceName {
  private InterfaceName() {}

  /** Accepts what the kernel and wg-quick accept. */
  public static void check(String name) throws ConfigException {
    Values.interfaceName(new Place("interface", 0, ""), name);
  }
}
