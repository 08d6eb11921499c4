"""Who is sent to the bridge and who stays on the legacy path: the plan, the cohorts, OpenFeature around them.

plan      the plan as a value, and its file's text read into one
deciding  plan and person to decision, pure
plan_file the file, read again when it changes; a wrong one changes nothing
editing   one step forward or back, written into the file with its comments
provider  the plan as an OpenFeature provider, and a team's own loaded by name
asking    the question, put through the OpenFeature SDK
"""
