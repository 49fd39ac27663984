// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeyingConfig;
import dev.culvert.daemon.config.ManualKeyingConfig;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code keying: manual}: each peer has an SA in each direction, with its own key file. */
final class ManualKeyingFormat implements KeyingFormat {
  /** RFC 4303 section 2.1 reserves the values below. */
  private static final long MIN_SPI = 256;

  private final Path directory;
  private final List<ManualKeyingConfig.Sa> sas = new ArrayList<>();

  ManualKeyingFormat(Path directory) {
    this.directory = directory;
  }

  @Override
  public void checkNodes(YamlMap section) throws ConfigException {
    throw section
        .require("keying")
        .place()
        .error("manual is for fixed keys with a foreign peer: such a file has peers, not nodes");
  }

  @Override
  public KnownKeys peerKeys() {
    return KnownKeys.FIXED_KEYS;
  }

  @Override
  public void peer(YamlMap entry, String name) throws ConfigException {
    sa(entry.require("inbound"), name, false);
    sa(entry.require("outbound"), name, true);
  }

  private void sa(YamlValue value, String peer, boolean outbound) throws ConfigException {
    YamlMap sa = value.map(KnownKeys.SA);
    YamlValue spi = sa.require("spi");
    int number = (int) Values.number(spi.place(), spi.text(), MIN_SPI, 0xffff_ffffL);
    YamlValue file = sa.require("keyFile");
    Path path = directory.resolve(YamlFormat.path(file));
    sas.add(new ManualKeyingConfig.Sa(peer, outbound, number, path, file.place()));
  }

  @Override
  public KeyingConfig config(YamlMap section) throws ConfigException {
    YamlValue keyFile = section.get("keyFile");
    if (keyFile != null) {
      throw keyFile.place().error("with keying manual each peer's SAs name their own");
    }
    return new ManualKeyingConfig(sas);
  }
}
