def parse_stages(f): pass
def draw(*a): return []
