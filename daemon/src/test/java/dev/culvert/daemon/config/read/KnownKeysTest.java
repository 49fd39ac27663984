// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The samples and the reference page name exactly the keys that the parser knows. */
final class KnownKeysTest {
  private static final Path REFERENCE = Path.of("../docs/configuration.md");
  private static final List<Path> SAMPLES =
      List.of(Path.of("src/main/dist/culvert.yaml"), Path.of("src/main/dist/culvert-esp.yaml"));

  /** A key with its type in code or in words, at the start of a row. */
  private static final Pattern ROW = Pattern.compile("(?m)^\\| (`[^|]*`) \\| ([^|]*) \\|");

  private static final Pattern KEY_OF_ROW = Pattern.compile("`([^`]+)`");

  /** A key in block style, maybe commented out, and each key in flow style. */
  private static final Pattern KEY_OF_SAMPLE =
      Pattern.compile("(?m)(?:^[ #]*(?:- )*|[{,] ?)([A-Za-z]+):(?= |$)");

  private static final List<KnownKeys> ALL =
      List.of(
          KnownKeys.FILE,
          KnownKeys.SPEC,
          KnownKeys.INTERFACE,
          KnownKeys.OFFLOAD,
          KnownKeys.IDENTITY,
          KnownKeys.OBSERVABILITY,
          KnownKeys.OBSERVABILITY_TLS,
          KnownKeys.STRICT,
          KnownKeys.ENCRYPT,
          KnownKeys.EXEMPTION,
          KnownKeys.SELECTOR,
          KnownKeys.DISCOVERY,
          KnownKeys.KUBERNETES,
          KnownKeys.NODE,
          KnownKeys.PEER,
          KnownKeys.ESP,
          KnownKeys.ESP_PEER,
          KnownKeys.FIXED_KEYS,
          KnownKeys.SA);

  /** The tables of keys in a part of the reference page: each key with its type. */
  private static Map<String, String> documented(String from, String to) throws IOException {
    String page = Files.readString(REFERENCE);
    int start = page.indexOf(from);
    assertTrue(start >= 0 && page.indexOf(to, start) >= 0, from);
    Map<String, String> keys = new TreeMap<>();
    List<MatchResult> rows =
        ROW.matcher(page.substring(start, page.indexOf(to, start))).results().toList();
    for (MatchResult row : rows) {
      KEY_OF_ROW.matcher(row.group(1)).results().forEach(k -> keys.put(k.group(1), row.group(2)));
    }
    return keys;
  }

  /** A section's keys, with those of the mappings in it as in {@code strict.egress}. */
  private static Map<String, String> known(KnownKeys keys, Map<String, KnownKeys> inside) {
    Map<String, String> known = new TreeMap<>();
    for (String name : keys.names()) {
      KnownKeys inner = inside.get(name);
      if (inner == null) {
        known.put(name, keys.type(name));
      } else {
        inner.names().forEach(key -> known.put(name + "." + key, inner.type(key)));
      }
    }
    return known;
  }

  @Test
  void theReferenceNamesEachKeyOnceWithItsType() throws IOException {
    assertEquals(
        known(KnownKeys.FILE, Map.of()), documented("## Head of the file", "## `spec`: keys"));
    Map<String, String> spec = documented("## `spec`: keys of every form", "## A file of nodes");
    spec.putAll(documented("## A file of nodes", "Each entry of `nodes`"));
    spec.putAll(documented("## A file of peers", "Each entry of `peers` for WireGuard"));
    Map<String, String> expected =
        known(
            KnownKeys.SPEC,
            Map.of(
                "interface", KnownKeys.INTERFACE,
                "offload", KnownKeys.OFFLOAD,
                "identity", KnownKeys.IDENTITY,
                "observability", KnownKeys.OBSERVABILITY,
                "strict", KnownKeys.STRICT,
                "encrypt", KnownKeys.ENCRYPT,
                "discovery", KnownKeys.DISCOVERY));
    expected.remove("esp"); // a section of the page
    assertEquals(expected, spec);
    assertEquals(
        known(KnownKeys.NODE.and(KnownKeys.KEY_PAIR), Map.of()),
        documented("Each entry of `nodes`", "### `kind: Nodes`"));
    assertEquals(
        known(KnownKeys.KUBERNETES, Map.of()),
        documented("### `discovery.kubernetes`", "## A file of peers"));
    assertEquals(
        known(KnownKeys.PEER, Map.of()),
        documented("Each entry of `peers` for WireGuard", "## `exempt`"));
    assertEquals(
        known(KnownKeys.EXEMPTION, Map.of("selector", KnownKeys.SELECTOR)),
        documented("## `exempt`", "## ESP"));
    assertEquals(
        known(KnownKeys.ESP, Map.of()), documented("## ESP", "Each entry of `peers` for ESP"));
    assertEquals(
        known(KnownKeys.ESP_PEER.and(KnownKeys.KEY_PAIR).and(KnownKeys.FIXED_KEYS), Map.of()),
        documented("Each entry of `peers` for ESP", "## A `.conf` file"));
  }

  private static Set<String> changedBy(KnownKeys.Change change) {
    Map<String, KnownKeys> sections =
        Map.of(
            "", KnownKeys.SPEC,
            "interface.", KnownKeys.INTERFACE,
            "offload.", KnownKeys.OFFLOAD,
            "identity.", KnownKeys.IDENTITY,
            "discovery.", KnownKeys.DISCOVERY,
            "esp.", KnownKeys.ESP,
            "peers.", KnownKeys.PEER.and(KnownKeys.ESP_PEER).and(KnownKeys.FIXED_KEYS));
    Set<String> changed = new TreeSet<>();
    sections.forEach(
        (path, keys) -> keys.changedBy(change).forEach(name -> changed.add(path + name)));
    return changed;
  }

  @Test
  void theReferenceNamesEachKeyThatAReloadDoesNotChange() throws IOException {
    String page = Files.readString(REFERENCE);
    String from = page.substring(page.indexOf("`reload` can change"));
    List<Set<String>> rows =
        from.lines()
            .filter(line -> line.startsWith("| `"))
            .limit(2)
            .map(line -> line.substring(0, line.indexOf('|', 1)))
            .map(
                row ->
                    KEY_OF_ROW
                        .matcher(row)
                        .results()
                        .map(key -> key.group(1))
                        .collect(Collectors.toSet()))
            .toList();
    assertEquals(
        List.of(changedBy(KnownKeys.Change.RESTART), changedBy(KnownKeys.Change.ANEW)), rows);
  }

  /** The section's row in the table; keys in brackets are values. */
  private static Set<String> documentedForConf(String section) throws IOException {
    String page = Files.readString(REFERENCE);
    int start = page.indexOf("| `[" + section + "]` |");
    assertTrue(start >= 0, section);
    String row = page.substring(start, page.indexOf('\n', start)).replaceAll("\\([^)]*\\)", "");
    return KEY_OF_ROW
        .matcher(row.substring(row.indexOf('|', 1)))
        .results()
        .map(key -> key.group(1))
        .collect(Collectors.toSet());
  }

  @Test
  void theReferenceNamesEachKeyOfAConfFileAndNoOther() throws IOException {
    assertEquals(Set.copyOf(WgFormat.INTERFACE_KEYS), documentedForConf("Interface"));
    assertEquals(Set.copyOf(WgFormat.PEER_KEYS), documentedForConf("Peer"));
  }

  @Test
  void theSamplesNameEachKeyAndNoOther() throws IOException {
    Set<String> known =
        ALL.stream()
            .flatMap(k -> k.names().stream())
            .collect(Collectors.toCollection(TreeSet::new));
    List<String> texts = new ArrayList<>();
    for (Path sample : SAMPLES) {
      texts.add(Files.readString(sample));
    }
    Set<String> named =
        texts.stream()
            .flatMap(text -> KEY_OF_SAMPLE.matcher(text).results())
            .map(match -> match.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    assertTrue(named.remove("zone"), "a label");
    assertEquals(known, named);
    assertEquals(Set.of(), ofWireGuardThatTheFirstLacks(texts.getFirst()));
  }

  /** The first sample says that it has every key; only ESP's stand in the other. */
  private static Set<String> ofWireGuardThatTheFirstLacks(String sample) {
    Set<String> named =
        KEY_OF_SAMPLE.matcher(sample).results().map(m -> m.group(1)).collect(Collectors.toSet());
    Set<KnownKeys> ofEsp =
        Set.of(KnownKeys.ESP, KnownKeys.ESP_PEER, KnownKeys.FIXED_KEYS, KnownKeys.SA);
    return ALL.stream()
        .filter(keys -> !ofEsp.contains(keys))
        .flatMap(keys -> keys.names().stream())
        .filter(key -> !named.contains(key) && !key.equals("esp"))
        .collect(Collectors.toSet());
  }
}
