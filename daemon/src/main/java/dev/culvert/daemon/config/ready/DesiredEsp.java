package dev.culvert.daemon.config.ready;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.KeyFileException;
import dev.culvert.tunnel.esp.manual.ManualSa;
import dev.culvert.tunnel.esp.noise.NoisePeerKeys;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.state.KeyFileReader;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An ESP configuration with its keys read.
 *
 * @param keys closing this wipes them
 */
public record DesiredEsp(GatewayConfig config, EspConfig esp, EspPeers peers, Keys keys)
    implements Desired {

  /** Keys, read. */
  public sealed interface Keys extends AutoCloseable {
    @Override
    void close();

    /** The file's keys, and where it is, to be watched. */
    record Global(Path path, KeyFile file) implements Keys {
      @Override
      public void close() {
        file.close();
      }
    }

    /** This node's static key pair, and who its peers are, by name. */
    record Noise(SecretBytes privateKey, PublicKey publicKey, Map<String, NoisePeerKeys> peers)
        implements Keys {
      @Override
      public void close() {
        privateKey.close();
        for (NoisePeerKeys peer : peers.values()) {
          SecretBytes presharedKey = peer.presharedKey();
          if (presharedKey != null) {
            presharedKey.close();
          }
        }
      }
    }

    /** Keys of manual SAs. */
    record Manual(List<ManualSa> inbound, List<ManualSa> outbound) implements Keys {
      /** For a keying, which takes them over. */
      public List<ManualSa> copyOfInbound() {
        return inbound.stream().map(Manual::copy).toList();
      }

      /** For a keying, which takes them over. */
      public List<ManualSa> copyOfOutbound() {
        return outbound.stream().map(Manual::copy).toList();
      }

      private static ManualSa copy(ManualSa sa) {
        return new ManualSa(sa.peer(), sa.spi(), sa.key().copy(), sa.salt(), sa.esn());
      }

      @Override
      public void close() {
        inbound.forEach(sa -> sa.key().close());
        outbound.forEach(sa -> sa.key().close());
      }
    }
  }

  static DesiredEsp of(GatewayConfig config, EspConfig esp, SecureRandom random)
      throws ConfigException {
    EspPeers peers = new EspPeers(esp, config.cluster());
    return new DesiredEsp(config, esp, peers, keys(config, esp, random));
  }

  private static Keys keys(GatewayConfig config, EspConfig esp, SecureRandom random)
      throws ConfigException {
    return switch (esp.keys()) {
      case EspConfig.Keys.Global global -> new Keys.Global(global.file(), readFile(global.file()));
      case EspConfig.Keys.Noise noise -> NoiseKeysReader.read(config.privateKey(), noise, random);
      case EspConfig.Keys.Manual manual -> manual(manual, esp.esn());
    };
  }

  /** The file's own errors name file, line, key id and reason. */
  private static KeyFile readFile(Path path) throws ConfigException {
    try {
      return KeyFileReader.read(path);
    } catch (KeyFileException e) {
      throw new ConfigException(String.valueOf(e.getMessage()));
    } catch (NoSuchFileException e) {
      throw ConfigException.of(
          path, "the key file does not exist; make one with: culvert key gen --esp");
    } catch (IOException e) {
      throw ConfigException.of(path, "cannot be read: " + e.getMessage());
    }
  }

  private static Keys manual(EspConfig.Keys.Manual manual, boolean esn) throws ConfigException {
    List<ManualSa> inbound = new ArrayList<>();
    List<ManualSa> outbound = new ArrayList<>();
    Set<String> fingerprints = new HashSet<>();
    Keys.Manual keys = new Keys.Manual(inbound, outbound);
    for (EspConfig.ManualSaConfig sa : manual.sas()) {
      try (KeyFile file = readFile(sa.file())) {
        ManualSa read = ManualSa.of(sa.peer(), sa.spi(), file, esn);
        (sa.outbound() ? outbound : inbound).add(read);
        if (!fingerprints.add(read.fingerprint())) {
          throw sa.place().error("this key serves another direction or peer already");
        }
      } catch (ConfigException e) {
        keys.close();
        throw e;
      } catch (IllegalArgumentException e) {
        keys.close();
        throw sa.place().error(String.valueOf(e.getMessage()));
      }
    }
    return keys;
  }

  @Override
  public void close() {
    keys.close();
  }
}
