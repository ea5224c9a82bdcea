"""What a visitor does, tab by tab: session in, session and facts out. Nothing here imports Gradio."""
